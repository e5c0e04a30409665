"""Files in the library folder: names, safe moves, work folders, stars and tags."""
