"""Text: language models, on transformers."""
