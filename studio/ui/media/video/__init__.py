"""Moving pictures in the window."""
