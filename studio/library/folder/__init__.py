"""The files of the library: names, trash, unfinished work, stars and tags."""
