"""Readers of files that strangers made, given inputs that nobody would make: see `run.py`."""
