"""Processes killed at a counted operation on the disk: see `run.py`."""
