"""Folders with many models, such as those of other programs: found in place, nothing is copied."""
