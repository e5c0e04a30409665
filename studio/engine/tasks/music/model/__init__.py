"""The pipelines of music: what they are, and what they accept."""
