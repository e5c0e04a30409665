"""Image pipelines: what they are made of, what they can do, loading them."""
