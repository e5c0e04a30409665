"""Where a word of a rendered answer stands in its text, and the other way round."""

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


def rendered_place(source: str, rendered: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where `source[start:end]` of a Markdown text stands in the `rendered` one.

    Of several lines, the first is looked for, and the place reaches to the end of the text if
    they do.
    """
    first, line_end, _ = source[start:end].partition("\n")
    word = first.strip()
    if not word:
        return None
    place = -1
    for _ in range(source.count(word, 0, start) + 1):
        place = rendered.find(word, 0 if place < 0 else place + len(word))
        if place < 0:
            return None
    is_to_end = bool(line_end) and end >= len(source.rstrip())
    return place, len(rendered) if is_to_end else place + len(word)
