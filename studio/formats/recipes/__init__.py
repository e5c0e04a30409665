"""Recipes and settings in files of any format, also those of other programs."""
