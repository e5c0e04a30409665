"""Files of moving pictures: recipes in MP4 and Matroska, and what a file holds."""
