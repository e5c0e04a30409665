"""Times for the words of a text of which only the beginning and the end are known."""

from __future__ import annotations

import re

from studio.formats.sounds.lyrics import TimedLine, TimedWord

_WORD = re.compile(r"[\u2e80-\U0002ffff][^\w\s]*|[^\s\u2e80-\U0002ffff]+")
_WIDE_WEIGHT = 3.0
"""A Chinese character takes about as long as three letters."""


def spread_words(text: str, start: float, end: float) -> TimedLine | None:
    """Return a text as a line from `start` to `end` seconds, None if it is empty.

    Words take as long as they have letters.
    """
    found = list(_WORD.finditer(text))
    if not found:
        return None
    weights = [
        sum(_WIDE_WEIGHT if letter >= "\u2e80" else 1.0 for letter in word[0]) for word in found
    ]
    scale = (end - start) / sum(weights)
    words: list[TimedWord] = []
    at, behind = start, 0
    for word, weight in zip(found, weights, strict=True):
        is_joined = bool(words) and word.start() == behind
        words.append(TimedWord(word[0], at, at + weight * scale, is_joined))
        at, behind = at + weight * scale, word.end()
    return TimedLine(tuple(words))
