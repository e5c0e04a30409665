"""Facts of a brief that a text must keep: figures, dates, names."""
