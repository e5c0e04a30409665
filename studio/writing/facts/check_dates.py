"""Compare the dates and times of a text with those of its brief."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.protocol import sentence
from studio.writing.facts.dates import FIELDS, Moment, agree
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.findings import Finding, FindingKind
from studio.writing.facts.implied_dates import weekday_ranges

_END = re.compile(
    r"\b(?:until|till|to|through|by|ends?|ending|expires?|expiring|due|deadline|last)\b"
    r"|[至到止]|截止|结束|届满|之前|前",
    re.IGNORECASE,
)
"""Words beside the end of a term."""
_LABELS = frozenset("year grade class form room team group level platform gate line".split())
"""The number after one of these is no hour."""


def check_dates(given: Facts, written: Facts) -> list[Finding]:
    findings = list(_other_ranges(given, written))
    whole_weeks = {
        moment.start
        for first, last in weekday_ranges(written.moments, written.text)
        if ((last.weekday or 0) - (first.weekday or 0)) % 7 == 6
        for moment in (first, last)
    }
    for moment in written.moments:
        if moment.start in whole_weeks:
            continue  # "Monday to Sunday": every day
        extra = given.extra_moments
        if not _END.search(written.text[max(0, moment.start - 24) : moment.end + 8]):
            extra = tuple(one for one in extra if not one.is_end)
        if _is_given(moment, (*given.moments, *extra)):
            continue
        if _is_hour(moment, given.figures) or _is_any_day(moment, written.text):
            continue
        said = written.text[moment.start : moment.end]
        other = _similar_moment(moment, given.moments)
        if other is None:
            message = sentence("The brief does not have this date.")
            kind: FindingKind = "date_new"
        else:
            message = sentence(
                "The brief says “{brief}”.", brief=given.text[other.start : other.end]
            )
            kind = "date_changed"
        findings.append(Finding(kind, said, message, moment.start, moment.end))
    return findings


def _other_ranges(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield days of the week that the brief has, but not as the end of this range."""
    known = {
        (first.weekday, last.weekday): given.text[first.start : last.end]
        for first, last in weekday_ranges(given.moments, given.text)
    }
    for first, last in weekday_ranges(written.moments, written.text):
        if (first.weekday, last.weekday) in known:
            continue
        others = [said for (start, _), said in known.items() if start == first.weekday]
        days = {one.weekday for one in (*given.moments, *given.extra_moments)}
        if others and last.weekday in days:
            message = sentence("The brief says “{brief}”.", brief=others[0])
            said = written.text[last.start : last.end]
            yield Finding("date_changed", said, message, last.start, last.end)


def _is_hour(moment: Moment, given: tuple[Figure, ...]) -> bool:
    """Return whether the brief has the hour as a bare number: "open 10-18"."""
    if moment.hour is None or moment.minute or moment.day or moment.weekday is not None:
        return False
    hours = {moment.hour, moment.hour % 12, moment.hour % 12 or 12, moment.hour or 24}
    numbers = {
        figure.value
        for figure in given
        if (figure.is_bare and not figure.stems & _LABELS) or figure.other is not None
    }
    numbers |= {figure.other for figure in given if figure.other is not None}
    return bool(hours & {int(number) for number in numbers})


_ANY_DAY = re.compile(r"\b(?:one|any|a|some|every)\s$", re.IGNORECASE)


def _is_any_day(moment: Moment, text: str) -> bool:
    """Return whether a day of the week is no date: "one Friday evening"."""
    before = text[max(0, moment.start - 8) : moment.start]
    return moment.weekday is not None and bool(_ANY_DAY.search(before))


def _is_given(moment: Moment, given: tuple[Moment, ...]) -> bool:
    """Return whether a moment of the brief agrees, and others say what that one leaves open."""
    for other in given:
        if not agree(moment, other):
            continue
        extra = [
            name
            for name in FIELDS
            if getattr(moment, name) is not None and getattr(other, name) is None
        ]
        if all(any(getattr(one, name) == getattr(moment, name) for one in given) for name in extra):
            return True
    return False


def _similar_moment(moment: Moment, given: tuple[Moment, ...]) -> Moment | None:
    def common(other: Moment) -> tuple[int, int]:
        fields = [
            name
            for name in FIELDS
            if getattr(moment, name) is not None and getattr(other, name) is not None
        ]
        equal = sum(getattr(moment, name) == getattr(other, name) for name in fields)
        return len(fields), equal

    best = max(given, key=lambda other: common(other)[::-1] + common(other), default=None)
    return best if best is not None and common(best)[0] else None
