"""Clips: short videos from diffusion pipelines."""
