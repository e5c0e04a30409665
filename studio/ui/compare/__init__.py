"""The compare dialog: pictures side by side, zoomed and panned together."""
