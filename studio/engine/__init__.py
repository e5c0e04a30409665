"""The engine: `client`, `keeper` and `environment` are the app's side, the rest is the child."""
