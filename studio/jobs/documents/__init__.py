"""From documents to the passages that a request is given."""
