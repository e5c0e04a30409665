"""What models weigh on disk, which are there twice, their removal with undo, and moving them."""
