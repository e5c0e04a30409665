"""What the engine does for a tone."""
