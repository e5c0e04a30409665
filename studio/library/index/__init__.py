"""The SQLite index of the library, which can be rebuilt from the files."""
