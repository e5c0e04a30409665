"""Image generation with any diffusers pipeline. Imports nothing."""
