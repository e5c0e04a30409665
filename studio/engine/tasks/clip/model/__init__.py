"""The pipelines of clips: what they are, and what they accept."""
