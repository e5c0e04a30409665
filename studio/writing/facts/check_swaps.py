"""Find figures that a text exchanged: what the brief says of one thing is said of another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.figure_context import stems
from studio.writing.facts.findings import Finding

_CUT = re.compile(
    r"[。；;，,、：！？!?\n()（）]|\.(?=\s|$)|\b(?:and|while|but|whereas|against|to|from)\b|而|和|与"
)
_NEAR = 30
_MOST = 60
"""Pairs of so many figures are looked at."""


def check_swaps(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield both of two figures whose words in the text are those of the other in the brief."""
    theirs = _single(given)
    mine = [one for one in _single(written) if _key(one) in {_key(other) for other in theirs}]
    brief = {_key(one): _words(given, one) for one in theirs}
    places = {_key(one): one for one in theirs}
    own = {_key(one): _words(written, one) for one in mine}
    shared_in = {
        dimension: _in_many([words for key, words in own.items() if key[0] == dimension])
        | _in_many([words for key, words in brief.items() if key[0] == dimension])
        for dimension in {one.dimension for one in mine}
    }
    told = set()
    for one, other in combinations(mine, 2):
        first, second = _key(one), _key(other)
        if one.dimension != other.dimension or one.value == other.value:
            continue
        shared = shared_in[one.dimension]
        straight = own[first] & brief[first] | own[second] & brief[second]
        crossed_one = (own[first] & brief[second]) - shared
        crossed_other = (own[second] & brief[first]) - shared
        if straight - shared or not (crossed_one or crossed_other):
            continue
        is_turned = (one.start < other.start) != (places[first].start < places[second].start)
        if not (crossed_one and crossed_other) and not (
            is_turned
            and not _is_change(places[first], places[second], given)
            and own[first]
            and own[second]
            and _are_beside(one, other, written)
            and _are_beside(places[first], places[second], given)
        ):
            continue
        for figure, meant in ((one, second), (other, first)):
            if figure.start in told:
                continue
            told.add(figure.start)
            place = places[meant]
            said = given.text[max(0, place.start - 8) : place.end + 8].strip()
            message = sentence("The brief says “{brief}” of this.", brief=said)
            text = written.text[figure.start : figure.end]
            yield Finding("figure_changed", text, message, figure.start, figure.end)


def _are_beside(one: Figure, other: Figure, facts: Facts) -> bool:
    """Return whether two figures stand near each other, and no third one of their kind between."""
    start, end = sorted((one.start, other.start))
    between = [
        third
        for third in facts.figures
        if third.dimension == one.dimension and start < third.start < end
    ]
    return end - start < 2 * _NEAR and not between


_TO = re.compile(r"[^\s\d，。,.]{0,2}\s?(?:[-~:]|to|到|至)\s?")


def _is_change(one: Figure, other: Figure, facts: Facts) -> bool:
    first, second = sorted((one, other), key=lambda figure: figure.start)
    return bool(_TO.fullmatch(facts.text[first.end : second.start]))


def _single(facts: Facts) -> list[Figure]:
    """Return the figures whose value stands once in a text."""
    some = [one for one in facts.figures if one.other is None][:_MOST]
    keys = [_key(one) for one in some]
    return [one for one, key in zip(some, keys, strict=True) if keys.count(key) == 1]


def _key(figure: Figure) -> tuple[str, str]:
    return figure.dimension, str(figure.value.normalize())


def _words(facts: Facts, figure: Figure) -> frozenset[str]:
    """Return the words right around a figure, up to the next comma or figure."""
    text = facts.text
    start, end = max(0, figure.start - _NEAR), min(len(text), figure.end + _NEAR)
    for one in facts.figures:
        if one.end <= figure.start:
            start = max(start, one.end)
        elif one.start >= figure.end:
            end = min(end, one.start)
    before = text[start : figure.start]
    cuts = [match.end() for match in _CUT.finditer(before)]
    before = before[cuts[-1] :] if cuts else before
    after = text[figure.end : end]
    cut = _CUT.search(after)
    after = after[: cut.start()] if cut else after
    single = set(re.findall(r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff](?![\u4e00-\u9fff])", before))
    last = before[-1:] if "\u4e00" <= before[-1:] <= "\u9fff" else ""
    return frozenset(stems(before + " | " + after) | single | ({last} if last else set()))


def _in_many(sets: list[frozenset[str]]) -> frozenset[str]:
    seen: set[str] = set()
    many: set[str] = set()
    for words in sets:
        many |= seen & words
        seen |= words
    return frozenset(many)
