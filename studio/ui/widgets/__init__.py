"""Widgets shared by all tabs and dialogs."""
