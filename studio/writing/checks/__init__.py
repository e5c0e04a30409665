"""What a text must keep: words, length, points, sums and terms."""
