"""The engine that runs as a child process on this machine."""
