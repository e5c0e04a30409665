"""Recipes in files: written, read back, converted, exported, and those of other programs."""
