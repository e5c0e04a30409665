"""Calls of a pipeline: prompts, latents, steps, masks."""
