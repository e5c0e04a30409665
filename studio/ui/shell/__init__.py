"""The frame of the window: shared state, worker thread, tabs, notices."""
