"""What a person does to results: stars, tags, collections, the trash."""
