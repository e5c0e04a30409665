"""The headless face of the same jobs. A contract: scripts rely on it."""
