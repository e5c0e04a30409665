"""Recipes in files: writing, reading, conversion, export, and settings of other programs."""
