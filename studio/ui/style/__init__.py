"""Colours, icons and translations."""
