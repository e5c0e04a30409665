"""How English words are read that are in no lexicon: each letter in its context.

The table is made by packaging/spelling_table.py from misaki's lexicon (Apache-2.0): letters and
their neighbours, nearest first, → phonemes. The longest known context counts.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import msgspec

_TABLE = Path(__file__).with_name("english_spelling.json.gz")
NEIGHBOURS = (1, -1, 2, -2, 3, -3, 4, -4)
"""Places of the letters of a context, in the order in which they are looked at."""
EDGE = "_"
"""In a context, stands for the place before or after the word."""
_STRESSED = "AIOWYiuæɑɛɪɜʊʌɔ"


def read_spelling(word: str) -> str:
    """Return the phonemes of a word in lower case; letters other than a to z are silent."""
    table = _table()
    letters = [letter for letter in word if "a" <= letter <= "z"]
    read = "".join(_sound(table, letters, at) for at in range(len(letters)))
    return _with_one_stress(read)


def _sound(table: dict[str, str], letters: list[str], at: int) -> str:
    context = letters[at]
    sound = table.get(context, "")
    for place in NEIGHBOURS:
        inside = 0 <= at + place < len(letters)
        context += letters[at + place] if inside else EDGE
        sound = table.get(context, sound)
    return sound


def _with_one_stress(read: str) -> str:
    """Return phonemes with the first main stress only, and with one if there was none."""
    first, mark, rest = read.partition("ˈ")
    if mark:
        return first + mark + rest.replace("ˈ", "ˌ")
    at = next((at for at, sound in enumerate(read) if sound in _STRESSED), None)
    return read if at is None else f"{read[:at]}ˈ{read[at:]}"


@cache
def _table() -> dict[str, str]:
    return msgspec.json.decode(gzip.decompress(_TABLE.read_bytes()), type=dict[str, str])
