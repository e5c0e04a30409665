"""Pictures on screen: loading off the window's thread, zooming, comparing, lists of results."""
