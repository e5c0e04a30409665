"""The tabs, one folder for each kind."""
