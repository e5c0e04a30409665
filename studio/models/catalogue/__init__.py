"""The catalogue: models that can be downloaded, what for, and on which machine they run."""
