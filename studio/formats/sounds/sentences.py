"""A paragraph as sentences, in English and Chinese, also mixed."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 220
"""Characters above which a sentence is cut at a clause, or else anywhere."""
_LONGEST_WIDE = 90
"""The same for Chinese."""

_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sr",
        "jr",
        "st",
        "mt",
        "gen",
        "col",
        "capt",
        "lt",
        "sgt",
        "rev",
        "hon",
        "no",
        "vs",
        "etc",
        "e.g",
        "i.e",
        "cf",
        "al",
        "fig",
        "vol",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "inc",
        "ltd",
        "co",
        "corp",
        "dept",
        "est",
        "approx",
    ]
)
_END = re.compile(r"[.!?。！？…]+[\"'”’)\]」』）》]*")
_CLAUSE = re.compile(r"[,;:，；：、—]")


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph; long ones are cut at clauses."""
    start = 0
    for found in _END.finditer(text):
        if found.start() < start or not _ends_sentence(text, found):
            continue
        yield from _cut(text[start : found.end()].strip())
        start = found.end()
    yield from _cut(text[start:].strip())


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    mark = found[0]
    if mark[0] in "。！？":
        return True
    after = text[found.end() : found.end() + 1]
    if after and not after.isspace() and after < "\u2e80":
        return False  # 3.5, example.com, e.g.
    if mark.rstrip("\"'”’)]」』）》") != ".":
        return True
    word = re.split(r"[\s(\"“]", text[: found.start()])[-1].casefold()
    if word in _ABBREVIATIONS or re.fullmatch(r"(?:[a-z]\.)*[a-z]", word):
        following = text[found.end() :].lstrip()
        return not following or (word in ("etc", "co", "inc", "ltd") and following[0].isupper())
    # "1. First": a number at the start of a line belongs to what follows.
    return not (word.isdigit() and text[: found.start()].strip() == word)


def _cut(sentence: str) -> Iterator[str]:
    while sentence and _weight(sentence) > _LONGEST:
        limit = _limit(sentence)
        marks = [found.end() for found in _CLAUSE.finditer(sentence, 0, limit)]
        spaces = [at for at in (sentence.rfind(" ", 0, limit),) if at > 0]
        at = next((at for at in reversed(marks) if at > limit // 4), None)
        at = at or next(iter(spaces), limit)
        yield sentence[:at].strip()
        sentence = sentence[at:].strip()
    if sentence:
        yield sentence


def _weight(text: str) -> float:
    wide = sum(character >= "\u2e80" for character in text)
    return len(text) - wide + wide * _LONGEST / _LONGEST_WIDE


def _limit(text: str) -> int:
    """Return how many of the first characters weigh as much as the longest sentence."""
    weight = 0.0
    for at, character in enumerate(text):
        weight += _LONGEST / _LONGEST_WIDE if character >= "\u2e80" else 1
        if weight > _LONGEST:
            return max(1, at)
    return len(text)
