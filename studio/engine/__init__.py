"""The engine: `client` and `environment` are the app's side of it, the rest is the child process."""
