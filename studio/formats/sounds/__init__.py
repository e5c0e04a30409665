"""Sound files: recipes, labels and lyrics in WAV, FLAC, Ogg and MP3, without decoding them."""
