"""Common Chinese words, from the dictionary that jieba (MIT) carries: what is one is no name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_LEAST_FREQUENCY = 150
"""Rarer words are often names: 宏远 and 远大 are in the dictionary as adjectives."""
_NAMES = ("nr", "ns", "nt", "nz")


def are_common(text: str) -> bool:
    """Return whether a few Chinese characters are a common word, or one after the other."""
    if len(text) < 2:
        return True
    words = _common_words()
    return text in words or any(
        text[:at] in words and are_common(text[at:]) for at in range(2, len(text) - 1)
    )


@cache
def _common_words() -> frozenset[str]:
    words = set()
    for line in files("jieba").joinpath("dict.txt").read_text("utf-8").splitlines():
        word, frequency, part_of_speech = line.split()
        if int(frequency) >= _LEAST_FREQUENCY and not part_of_speech.startswith(_NAMES):
            words.add(word)
    return frozenset(words)
