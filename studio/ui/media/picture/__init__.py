"""Picture viewers: background loading, zoom and pan, thumbnails."""
