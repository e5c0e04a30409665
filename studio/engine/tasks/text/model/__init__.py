"""Language models on disk: loading, conversion, weights."""
