"""Readers and writers of model and media files, without Qt and torch."""
