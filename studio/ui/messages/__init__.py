"""What the app has to say: the message bar and its list."""
