"""Music and sounds from audio pipelines of diffusers."""
