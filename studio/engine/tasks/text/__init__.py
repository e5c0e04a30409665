"""Text generation with language models, based on transformers."""
