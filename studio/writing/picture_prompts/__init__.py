"""Prompts for pictures: their parts, put together in the manner that a model was trained on."""
