"""The Image tab: prompts to pictures."""
