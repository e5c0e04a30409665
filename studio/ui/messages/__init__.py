"""The message bar and the list of earlier messages."""
