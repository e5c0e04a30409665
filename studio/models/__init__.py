"""Which models are on disk, what they are, and how they got here. No Qt, no torch."""
