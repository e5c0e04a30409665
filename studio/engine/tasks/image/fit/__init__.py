"""What fits into memory, and what is tried when it runs out."""
