"""Samples: joined, normalised, encoded."""
