"""Input and output pictures: start pictures, masks, decoding, transparency."""
