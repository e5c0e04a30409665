"""The engine task for videos."""
