"""Files of the field, read and written without Qt and torch."""
