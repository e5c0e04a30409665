"""The difference of two texts by words, in Chinese and Japanese by characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec import Struct

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|\s+|[^\W{_CJK}]+|[^\w\s]|.", re.DOTALL)

MAX_COMPARED = 4_000_000
"""Pairs of tokens above which the middle of two texts is one change."""

_LEAST_SHARE = 0.3
"""Of the tokens: with less in common, single changes cannot be read."""


class Change(Struct, frozen=True):
    """`before`, which is `original[start:end]`, becomes `after`."""

    start: int
    end: int
    before: str
    after: str


def changes_between(original: str, proposed: str) -> tuple[Change, ...]:
    """Return what changes, in the order of the text."""
    before, after = _TOKEN.findall(original), _TOKEN.findall(proposed)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    inner, new = before[head : len(before) - tail], after[head : len(after) - tail]
    first = sum(map(len, before[:head]))
    if not inner and not new:
        return ()
    if len(inner) * len(new) > MAX_COMPARED:
        return (_change(first, inner, new),)
    # Blanks are no places to find texts again: every text is full of them.
    matcher = SequenceMatcher(str.isspace, inner, new, autojunk=False)
    spans = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    kept = len(inner) - sum(end - start for start, end, _, _ in spans)
    if kept < _LEAST_SHARE * min(len(inner), len(new)):
        return (_change(first, inner, new),)
    places = [first]
    for token in inner:
        places.append(places[-1] + len(token))
    return tuple(
        _change(places[start], inner[start:end], new[new_start:new_end])
        for start, end, new_start, new_end in _joined(spans, inner)
    )


def apply_changes(original: str, changes: Sequence[Change]) -> str:
    """Return the text with some of its changes."""
    parts, place = [], 0
    for change in changes:
        parts += [original[place : change.start], change.after]
        place = change.end
    return "".join([*parts, original[place:]])


def _change(start: int, before: Sequence[str], after: Sequence[str]) -> Change:
    text = "".join(before)
    return Change(start, start + len(text), text, "".join(after))


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


_Span = tuple[int, int, int, int]


def _joined(spans: Sequence[_Span], tokens: Sequence[str]) -> list[_Span]:
    """Join changes with only a blank, or one character that is no word, between them."""
    joined: list[_Span] = []
    for span in spans:
        if joined:
            start, last, new_start, _ = joined[-1]
            between = tokens[last : span[0]]
            if len(between) == 1 and (between[0].isspace() or len(between[0]) == 1):
                joined[-1] = (start, span[1], new_start, span[3])
                continue
        joined.append(span)
    return joined
