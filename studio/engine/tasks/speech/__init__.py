"""What the engine does for speech: from a text to a sound file with the times of its words."""
