"""Pictures on screen: loading off the window's thread, zooming, lists of results."""
