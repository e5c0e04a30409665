"""Going through pictures one by one, keeping some."""
