"""Which writing systems a text has, and which of them cannot be read here."""

from __future__ import annotations

import unicodedata
from collections import Counter

_READ = ("LATIN", "CJK", "FULLWIDTH", "IDEOGRAPHIC")
_NAMES = {
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CYRILLIC": "Cyrillic",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "THAI": "Thai",
    "DEVANAGARI": "Devanagari",
}
_MOST = 20_000
"""Characters that are looked at."""
_MUCH = 0.3
"""Share of letters from which on a text counts as one of that writing system."""


def unreadable_script(text: str) -> tuple[str, bool]:
    """Return a writing system in the text that cannot be read, "" if none, and whether it is much.

    Few foreign letters, such as a formula's, can be left out; a text of them cannot.
    """
    letters = [character for character in text[:_MOST] if character.isalpha()]
    counted = Counter(_script(letter) for letter in letters)
    foreign = Counter({name: n for name, n in counted.items() if name not in _READ})
    if not foreign:
        return "", False
    most = foreign.most_common(1)[0][0]
    share = foreign.total() / len(letters)
    return _NAMES.get(most, most.capitalize()), share > _MUCH


def is_mostly_chinese(text: str) -> bool:
    """Return whether a text has more Chinese characters than Latin words."""
    han = sum("\u3400" <= character <= "\u9fff" for character in text[:_MOST])
    latin = sum(character.isascii() and character.isalpha() for character in text[:_MOST])
    return han > 0 and han * 3 > latin


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]
