"""The Clip tab."""
