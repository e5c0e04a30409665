"""Text in columns of a terminal, where a Chinese character takes two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# What stays on one line: a run of ASCII without spaces or another character, with the opening
# brackets before it and what must not begin a line after it.
_PIECES = re.compile(r" |[（《“]*(?:[!-~]+|.)[，。；：、！？）》”…]*", re.DOTALL)


def columns_of(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def padded(text: str, width: int) -> str:
    """Return a text with spaces after it up to `width` columns."""
    return text + " " * (width - columns_of(text))


def right_aligned(text: str, width: int) -> str:
    """Return a text with spaces before it up to `width` columns."""
    return " " * (width - columns_of(text)) + text


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text, each of at most `width` columns where words allow it."""
    lines = [""]
    used = 0
    for piece in _pieces(" ".join(text.split())):
        columns = columns_of(piece)
        if used and used + columns > width:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
            used = 0
        if used or piece != " ":
            lines[-1] += piece
            used += columns
    return lines


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _pieces(text: str) -> Iterator[str]:
    if text.isascii():
        yield from re.findall(r" |[^ ]+", text)
    else:
        yield from _PIECES.findall(text)
