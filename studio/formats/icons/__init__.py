"""Stroke icons: their grid, their tokens, the words of prompts, and icons as SVG."""
