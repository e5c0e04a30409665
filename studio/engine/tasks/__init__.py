"""What the child process does for each kind of work. Nothing is imported here."""
