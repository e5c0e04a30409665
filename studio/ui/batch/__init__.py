"""The batch dialog: jobs from a table, from a prompt with alternatives, or from a matrix."""
