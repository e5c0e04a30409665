"""Which icons the model never sees, so that what it is measured with is honest.

Fixed by hashes of names and by two lists, so every build of the data has the same split.

- set: four whole sets. The judges are trained on them and measured on them.
- concept: ten things; no icon with one in its name is trained on. The first by the hash of their
  names of all words with 7 to 60 icons in five or more sets, without what is not a thing and
  without those that users will often ask for.
- combination: one in thirty of all pairs or more of words, in every set and in any order. Its
  words are known from other icons ("cloud heart" is held out, "cloud" and "heart" are not).
- drawing: one icon in a hundred, of words that are drawn otherwise elsewhere.

A training icon that looks like a held-out one is left out, whatever it is called.
"""

from __future__ import annotations

import hashlib

JUDGE_SETS = frozenset({"iconoir", "proicons", "majesticons", "si"})
CONCEPTS = frozenset(
    {
        "ambulance",
        "barrel",
        "campfire",
        "champagne",
        "lifebuoy",
        "luggage",
        "ribbon",
        "shovel",
        "stethoscope",
        "tornado",
    }
)
COMBINATION_ONE_IN = 30
DRAWING_ONE_IN = 100

TRAIN = "train"
SET, CONCEPT, COMBINATION, DRAWING = "set", "concept", "combination", "drawing"
HELD_OUT = (SET, CONCEPT, COMBINATION, DRAWING)


def _one_in(count: int, kind: str, text: str) -> bool:
    digest = hashlib.sha256(f"{kind}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % count == 0


def is_held_out_word(word: str) -> bool:
    return word in CONCEPTS or word.removesuffix("s") in CONCEPTS


def is_held_out_combination(words: tuple[str, ...]) -> bool:
    known = sorted(set(words))
    return len(known) > 1 and _one_in(COMBINATION_ONE_IN, COMBINATION, " ".join(known))


def part_of(prefix: str, name: str, captions: list[tuple[str, ...]]) -> str:
    """The part of the data that an icon belongs to, by all the names it has."""
    if prefix in JUDGE_SETS:
        return SET
    if any(is_held_out_word(word) for words in captions for word in words):
        return CONCEPT
    if any(is_held_out_combination(words) for words in captions):
        return COMBINATION
    return DRAWING if _one_in(DRAWING_ONE_IN, DRAWING, f"{prefix}:{name}") else TRAIN
