"""Compare what a text says was before and after with its brief: from 12 to 15, 15 instead of 12."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.findings import Finding
from studio.writing.facts.names import Name

_FROM = re.compile(r"(?:(?:\b[a-z]+\s)?\bfrom|从|由|自)\s?[^\s\d]{0,6}\s?$", re.IGNORECASE)
_TO = re.compile(
    r"\s?(?:to|up to|down to|至|到|改为|改到|改成|变为|变成"
    r"|调整为|调整到|提高到|提升至|提升到|上调至|下调至"
    r"|增至|增加到|增加至|升至|上升到|上升至|降至|降到|下降到|下降至|减至|减少到|减少至|跌至|涨至|涨到|->|→)\s?",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"[\s,，、(（]*(?:(?:up|down|rising|falling|an? \w+)\s)?(?:was|were|before|previously|formerly"
    r"|instead of(?: every)?|rather than|not|replacing|from|against|compared (?:with|to)|原为"
    r"|原来是|原来的|原|原先"
    r"|此前为|此前|而不是|而非|取代|上年|去年|上年同期|去年同期|同期)[:：]?\s?",
    re.IGNORECASE,
)


class _Change(Struct, frozen=True):
    """Values before and after, and where they stand in the text, in the order of the text."""

    before: str
    after: str
    spans: tuple[tuple[int, int], tuple[int, int]]
    start: int
    """Where it begins, with the word that says up or down."""


def check_changes(given: Facts, written: Facts) -> list[Finding]:
    known = {(change.before, change.after): change for change in _changes(given)}
    findings = list(_wrong_ways(written))
    for change in _changes(written):
        turned = known.get((change.after, change.before))
        if turned is None or (change.before, change.after) in known:
            continue
        said = given.text[turned.spans[0][0] : turned.spans[1][1]]
        message = sentence("The brief has it the other way round: “{brief}”.", brief=said)
        start, end = change.start, change.spans[1][1]
        findings.append(Finding("direction_changed", written.text[start:end], message, start, end))
    return findings


_UP = re.compile(r"\b(?:up|rising|increase)\b|[增升涨]|提高|上调", re.IGNORECASE)
_DOWN = re.compile(r"\b(?:down|falling|decrease)\b|[降减跌]|下调", re.IGNORECASE)


def _wrong_ways(facts: Facts) -> Iterator[Finding]:
    """Yield "31 %, down from 28 %": the words contradict the figures."""
    for first, second in pairwise(facts.figures):
        between = facts.text[first.end : second.start]
        yield from _wrong_verb(facts, first, second, between)
        if first.dimension != second.dimension or bool(_UP.search(between)) == bool(
            _DOWN.search(between)
        ):
            continue
        if _TO.fullmatch(between):
            rises = first.value < second.value
        elif _INSTEAD.fullmatch(between):
            rises = second.value < first.value
        else:
            continue
        if first.value != second.value and rises != bool(_UP.search(between)):
            said = facts.text[first.start : second.end]
            message = sentence("The words say the opposite of the figures.")
            yield Finding("direction_changed", said, message, first.start, second.end)


_VERB = re.compile(
    r"\b(?:(?P<up>rose|rising|grew|increas\w+|climbed|jumped|went up|up|lifted|raised)"
    r"|(?P<down>fell|falling|dropped|declined|decreas\w+|slipped|sank|shrank|cut|lowered|reduced"
    r"|went down|down|narrowed))\b(?:\s(?:by\s)?[^\s\d]+){0,5}\s(?:to|from)\s[$¥€£]?$"
    r"|(?:(?P<rise>增长|上升|增加|提高|上涨|提升|扩大)|(?P<fall>下降|减少|降低|下跌|下滑|缩小))[至到]?$",
    re.IGNORECASE,
)


def _wrong_verb(facts: Facts, first: Figure, second: Figure, between: str) -> Iterator[Finding]:
    """Yield "rose to 41 from 44"."""
    if first.dimension != second.dimension or first.value == second.value:
        return
    start = max(0, first.start - 60)
    verb = _VERB.search(facts.text[start : first.start])
    if verb is None or not re.fullmatch(r"[^.,;\d]{0,16}\bfrom\s[$¥€£]?", between):
        return
    rises = bool(verb["up"] or verb["rise"])
    if rises != (first.value > second.value):
        start += verb.start()
        said = facts.text[start : second.end]
        message = sentence("The words say the opposite of the figures.")
        yield Finding("direction_changed", said, message, start, second.end)


def _changes(facts: Facts) -> Iterator[_Change]:
    marks: list[Figure | Name] = [*facts.figures, *facts.codes]
    marks.sort(key=lambda mark: mark.start)
    for first, second in pairwise(marks):
        if type(first) is not type(second):
            continue
        spans = ((first.start, first.end), (second.start, second.end))
        one, other = _value(first), _value(second)
        start = first.start
        if isinstance(first, Figure) and first.direction_at is not None:
            start = min(start, first.direction_at[0])
        between = facts.text[first.end : second.start]
        near = max(0, first.start - 24)
        is_from = _FROM.search(facts.text[near : first.start])
        if is_from:
            start = min(start, near + is_from.start())
        if _TO.fullmatch(between) and (is_from or between.strip() not in ("to", "至", "到")):
            yield _Change(one, other, spans, start)
        elif _INSTEAD.fullmatch(between):
            yield _Change(other, one, spans, start)


def _value(mark: Figure | Name) -> str:
    if isinstance(mark, Name):
        return mark.text.casefold()
    return str(mark.number.normalize())
