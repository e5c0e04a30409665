"""User actions on results: stars, tags, collections, the trash."""
