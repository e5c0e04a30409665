"""The Upscale tab: photographs and pictures, larger."""
