"""From a text to phonemes: Markdown, sentences, numbers, English and Mandarin."""
