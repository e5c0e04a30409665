"""Image pipelines: their files, capabilities, schedulers and loading."""
