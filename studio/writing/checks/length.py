"""The length of a text, as people count it: words, and characters in Chinese and Japanese."""

from __future__ import annotations

import re

# A character without spaces around it counts as a word, as word processors count.
_UNIT = re.compile(
    r"[\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff\uf900-\ufaff]"
    r"|[^\W\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff\uf900-\ufaff_]+"
    r"(?:['’.,-][^\W\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff\uf900-\ufaff_]+)*"
)


def length_of(text: str) -> int:
    """Return the number of words, with each character of Chinese and Japanese as one."""
    return sum(1 for _ in _UNIT.finditer(text))


def place_after(text: str, count: int) -> int:
    """Return where the unit after the first `count` begins; the end if there are no more."""
    for number, unit in enumerate(_UNIT.finditer(text)):
        if number == count:
            return unit.start()
    return len(text)
