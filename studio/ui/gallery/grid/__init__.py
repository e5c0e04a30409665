"""The results as a grid of tiles, and the large preview of one."""
