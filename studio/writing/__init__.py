"""Guided writing: what a text is checked against."""
