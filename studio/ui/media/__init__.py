"""Viewers of results."""
