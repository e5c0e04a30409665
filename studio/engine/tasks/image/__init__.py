"""Pictures from a prompt, with any diffusers pipeline. Nothing is imported here."""
