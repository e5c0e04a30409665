"""Many jobs at once: from a table, from alternatives in a prompt, as a matrix."""
