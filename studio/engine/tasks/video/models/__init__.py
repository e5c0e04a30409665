"""The networks: enlarging a frame, and making one between two."""
