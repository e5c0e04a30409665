"""The index of the library: an SQLite database that can be made again from the files."""
