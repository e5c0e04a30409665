"""The frame of the window: state, worker thread, notices, theme, language."""
