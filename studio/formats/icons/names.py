"""From the names of icons to the words of prompts."""

from __future__ import annotations

import json
import re
from collections.abc import Set
from pathlib import Path

_LISTS = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
# What sets say of the look of an icon, at the end of its name.
LOOKS = frozenset[str](_LISTS["looks"])
ORDINALS = frozenset[str](_LISTS["ordinals"])
# Two spellings of one word, or two words for one drawing; the second is used.
SPELLINGS: dict[str, str] = _LISTS["spellings"]
# Trade marks: icons with one of these words in their names are left out.
BRANDS = frozenset[str](_LISTS["brands"])
# Words of icons that change their meaning, or the way they are read, in a mirror.
ONE_SIDED = frozenset[str](_LISTS["one_sided"])

_PARTS = re.compile(r"[a-z]+|\d+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of an icon's name, without its look and its running number."""
    parts = _PARTS.findall(name.lower().replace("two-tone", "twotone"))
    while len(parts) > 1 and (parts[-1] in LOOKS or parts[-1].isdigit() or parts[-1] in ORDINALS):
        parts.pop()
    out: list[str] = []
    for part in parts:
        if part.isdigit() and len(part) > 2:
            continue
        for word in SPELLINGS.get(part, part).split():
            if word not in out:
                out.append(word)
    return tuple(out)


def is_brand(words: tuple[str, ...]) -> bool:
    return not BRANDS.isdisjoint(words)


def may_mirror(words: tuple[str, ...]) -> bool:
    """Whether the mirror image of an icon has the same name and looks as usual."""
    symmetric = {"x", "a", "h", "i", "m", "o", "t", "u", "v", "w", "y"}
    return not any(
        (word in ONE_SIDED and word not in symmetric) or word.isdigit() for word in words
    )


def similar(word: str, known: Set[str]) -> str | None:
    """A known word of which this one is the plural or the singular."""
    tries = [word + "s", word + "es"]
    if word.endswith("ies"):
        tries.append(word[:-3] + "y")
    if word.endswith("es"):
        tries.append(word[:-2])
    if word.endswith("s"):
        tries.append(word[:-1])
    return next((form for form in tries if form in known), None)
