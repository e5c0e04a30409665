"""Viewers for results."""
