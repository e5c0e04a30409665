"""Enlarging pictures: reading, tiles, the network, writing."""
