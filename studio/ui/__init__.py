"""The window: widgets only, no torch."""
