"""Pictures and what is embedded in them: PNG, JPEG, WebP, EXIF, XMP."""
