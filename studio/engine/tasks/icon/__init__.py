"""What the engine does for an icon."""
