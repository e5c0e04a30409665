"""The kinds of work: one module each, with all that is specific to it; other code asks the kind."""
