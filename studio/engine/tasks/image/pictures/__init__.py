"""Pictures in and out: start pictures, previews, decoding, recipes."""
