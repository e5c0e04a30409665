"""Upscaling of pictures: reading, tiling, the network, writing."""
