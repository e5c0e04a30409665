"""Documents of a person: passages, an index to search them, and folders as collections."""
