"""The keep-or-reject dialog."""
