"""Controls for the fields of a request."""
