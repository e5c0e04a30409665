"""The network that turns phonemes into samples, and its voices."""
