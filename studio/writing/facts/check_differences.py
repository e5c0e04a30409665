"""Find differences that a text works out with the wrong sign: 4 points lower, from 78 to 82."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from studio.protocol import sentence
from studio.writing.facts.dates import Moment
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.findings import Finding

_REFERENCE = re.compile(
    r"(?:去年|上年|前年|上周|上月|上季度?|同期|原来?|此前|常年|往年|预算|目标|计划"
    r"|\b(?:vs\.?|versus|from|was|were|last\s(?:year|month|week|quarter|season|time)|previous(?:ly)?"
    r"|budget|target|normal|average|old|before|against|earlier|then|limit|Q[1-4]|20\d\d))"
    r"[\s:：为是(（]*(?:was|of|about|约|[£$€¥])?\s*$",
    re.IGNORECASE,
)
_ARROW = re.compile(r"\s?(?:to|->|→|-|增[至到]|升[至到]|降[至到]|减[至到]|至|到)\s?")
_FROM = re.compile(r"(?:\bfrom|[从由])\s?[£$€¥]?$")
_IN_BRACKETS = re.compile(r"\s?[(（][^()（）\d]{0,12}$")
_EARLIER = re.compile(r"\s(?P<early>earlier|sooner)\b|\s(?P<late>later)\b")
_EARLIER_BEFORE = re.compile(
    r"(?P<early>提前|提早|早)了?约?$|(?P<late>推迟|延后|延长|晚|推后)了?约?$"
)
_MOST = 60
_NEAR = 3


class _Pair(Struct, frozen=True):
    """A value of the brief and the one it is compared with."""

    now: Figure
    then: Figure


def check_differences(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield differences and changes in percent whose words say the other direction."""
    pairs = list(_pairs(given))
    for figure in written.figures:
        if not figure.direction or figure.dimension == "ordinal":
            continue
        signs = {sign for pair in pairs for sign in _signs(figure, pair)}
        if signs != {-figure.direction}:
            continue
        if any(
            one.dimension == figure.dimension and one.value == figure.value for one in given.figures
        ):
            continue
        pair = next(one for one in pairs if set(_signs(figure, one)))
        first, last = sorted((pair.now, pair.then), key=lambda one: one.start)
        place = figure.direction_at or (figure.start, figure.end)
        start, end = min(place[0], figure.start), max(place[1], figure.end)
        yield _finding(written.text, start, end, given.text[first.start : last.end])
    yield from _wrong_hours(given, written)


def _pairs(given: Facts) -> Iterator[_Pair]:
    some = given.figures[:_MOST]
    for at, first in enumerate(some):
        for second in some[at + 1 : at + 1 + _NEAR]:
            if first.dimension != second.dimension or "\n" in given.text[first.end : second.start]:
                continue
            before_first = given.text[max(0, first.start - 16) : first.start]
            between = given.text[first.end : second.start]
            is_change = _ARROW.fullmatch(between) and (
                _FROM.search(before_first) or between.strip() in ("->", "→")
            )
            is_then = _REFERENCE.search(before_first) and not _REFERENCE.search(between[-16:])
            if is_change or is_then:
                yield _Pair(second, first)
            elif _REFERENCE.search(between[-16:]) or _IN_BRACKETS.fullmatch(between):
                yield _Pair(first, second)


def _signs(figure: Figure, pair: _Pair) -> Iterator[int]:
    """Yield 1 or -1 where a figure is the difference of a pair, or the change in percent."""
    difference = pair.now.value - pair.then.value
    if not difference:
        return
    sign = 1 if difference > 0 else -1
    if figure.is_bare and figure.value <= 3:
        return
    is_points = figure.dimension == "percentage_point" and pair.now.dimension == "percent"
    if (figure.dimension == pair.now.dimension or is_points) and figure.value == abs(difference):
        yield sign
    if figure.dimension == "percent" and pair.then.value and pair.now.dimension != "percent":
        change = abs(difference) / pair.then.value * 100
        if abs(change - figure.value) <= Decimal("0.5"):
            yield sign


def _wrong_hours(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield "an hour later" where the brief moves it from 22:00 to 21:00."""
    hours = [one for one in given.moments if one.hour is not None]
    moves = [
        (first, second)
        for first, second in pairwise(hours)
        if _ARROW.fullmatch(given.text[first.end : second.start])
        and _FROM.search(given.text[max(0, first.start - 8) : first.start])
    ]
    for figure in written.figures:
        if figure.dimension != "time" or not moves:
            continue
        near = written.text[max(0, figure.start - 6) : figure.start]
        said = _EARLIER.match(written.text, figure.end) or _EARLIER_BEFORE.search(near)
        if said is None:
            continue
        for first, second in moves:
            minutes = _minutes(second) - _minutes(first)
            if abs(minutes) * 60 == figure.value and (minutes < 0) != bool(said["early"]):
                is_after = said.string is written.text
                start = figure.start if is_after else figure.start - len(near) + said.start()
                end = said.end() if is_after else figure.end
                yield _finding(written.text, start, end, given.text[first.start : second.end])
                break


def _minutes(moment: Moment) -> int:
    return (moment.hour or 0) * 60 + (moment.minute or 0)


def _finding(text: str, start: int, end: int, brief: str) -> Finding:
    message = sentence("The brief has it the other way round: “{brief}”.", brief=brief)
    return Finding("direction_changed", text[start:end], message, start, end)
