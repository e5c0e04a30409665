"""Where a word of a rendered answer stands in its text."""

from __future__ import annotations


def place_in_source(source: str, rendered: str, start: int, length: int) -> int | None:
    """Return the place in the Markdown `source` of a word of the `rendered` text.

    It is the same occurrence of the word; None if the source has fewer of them.
    """
    word = rendered[start : start + length]
    if not word.strip():
        return None
    number = rendered.count(word, 0, start)
    place = -1
    for _ in range(number + 1):
        place = source.find(word, place + 1 if place < 0 else place + len(word))
        if place < 0:
            return None
    return place
