"""Text: a language model's answers, many in one batch."""
