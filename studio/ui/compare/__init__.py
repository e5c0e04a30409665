"""Pictures side by side, zoomed and moved together."""
