"""Fits a request to the model and its work to the memory."""
