"""Parts of the main window: the library's place, the bottom line, actions and their palette."""
