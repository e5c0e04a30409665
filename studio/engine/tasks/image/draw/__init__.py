"""One call of a pipeline: prompts, latents, steps."""
