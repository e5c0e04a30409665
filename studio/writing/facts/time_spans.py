"""Spans of time that follow from the dates, years and times of day of a brief."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from itertools import pairwise

from studio.writing.facts.dates import Moment
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure

_DAY = 86400
_ANY_YEAR = 2023
_DAYS_OF_MONTH = Decimal("30.4375")
_SLACK = 2
_NIGHTS = frozenset(("night", "晚", "夜", "day", "天"))
_NEXT = 3
"""How many times further on in the brief a span may end."""
_RANGE = re.compile(r"\s?(?:[-–~—]|to|until|till|至|到)\s?")
_SENTENCE = re.compile(r"[。！？!?\n]|\.(?=\s|$)")
_LONGEST = 400
"""Sentences are read so far around a figure."""
_MOST_MOMENTS = 60


def is_span(figure: Figure, given: Facts, written: Facts) -> bool:
    """Return whether so much time lies between two dates, years or times of day: 47 minutes
    from 01:48 to 02:35, seven years after 1991."""
    if figure.dimension in ("time", "month") and _is_between_dates(figure, given):
        return True
    if figure.is_bare and figure.counted & _NIGHTS:
        return figure.value in _days_apart(given)
    if figure.dimension == "time" and figure.value < _DAY:
        return _is_between_hours(figure, given, written)
    if figure.dimension in ("month", "age", "count") and _is_in_years(figure):
        years = figure.value / 12 if figure.dimension == "month" else figure.value
        return _is_between_years(years, figure, given, written)
    return False


def _is_in_years(figure: Figure) -> bool:
    return figure.dimension == "age" or (
        figure.dimension == "month" and not figure.value % 12 and figure.step >= 12
    )


def _days(given: Facts) -> Iterator[date]:
    for moment in (*given.moments, *given.extra_moments)[:_MOST_MOMENTS]:
        with suppress(ValueError):
            if moment.month and moment.day:
                yield date(moment.year or _ANY_YEAR, moment.month, moment.day)


def _days_apart(given: Facts) -> set[int]:
    days = list(_days(given))
    return {abs((one - other).days) for one in days for other in days if one != other}


def _is_between_dates(figure: Figure, given: Facts) -> bool:
    spans = _days_apart(given)
    if figure.dimension == "month":
        return any(abs(span - figure.value * _DAYS_OF_MONTH) <= _SLACK for span in spans)
    wanted = figure.value / _DAY
    return any(wanted in (span, span + 1) for span in spans)


def _is_between_hours(figure: Figure, given: Facts, written: Facts) -> bool:
    """Return whether two times of day of the brief lie so far apart.

    A time that the sentence of the draft names must be one of the two.
    """
    start, end = _sentence(written.text, figure)
    named = [one for one in written.moments if one.hour is not None and start <= one.start < end]
    hours = [one for one in (*given.moments, *given.extra_moments) if one.hour is not None]
    hours = sorted(hours, key=lambda one: one.start)[:_MOST_MOMENTS]
    for at, one in enumerate(hours):
        for other in hours[at + 1 : at + 1 + _NEXT]:
            if named and not any(
                _same_hour(one, mine) or _same_hour(other, mine) for mine in named
            ):
                continue
            if any(_is_close(figure, Decimal(span)) for span in _apart(one, other)):
                return True
    return False


def hours_open(given: Facts) -> Iterator[Figure]:
    """Yield how long it is from one time of day to the next one in the brief: 22:00-06:00."""
    hours = [one for one in given.moments if one.hour is not None][:_MOST_MOMENTS]
    for one, other in pairwise(hours):
        if _RANGE.fullmatch(given.text[one.end : other.start]):
            for span in set(_apart(one, other)):
                value = Decimal(span)
                yield Figure(value, "time", one.start, other.end, number=value / 3600)


def _same_hour(one: Moment, other: Moment) -> bool:
    if one.minute != other.minute or one.hour is None or other.hour is None:
        return False
    is_open = one.is_half_day_open or other.is_half_day_open
    return one.hour == other.hour or (is_open and (one.hour - other.hour) % 12 == 0)


def _apart(one: Moment, other: Moment) -> Iterator[int]:
    """Yield the seconds from one time of day to another, on the same day or over midnight."""
    first = (one.hour or 0) * 60 + (one.minute or 0)
    second = (other.hour or 0) * 60 + (other.minute or 0)
    yield (second - first) % 1440 * 60
    if one.is_half_day_open or other.is_half_day_open:
        yield (second - first) % 720 * 60


def _is_between_years(years: Decimal, figure: Figure, given: Facts, written: Facts) -> bool:
    start, end = _sentence(written.text, figure)
    known = {one.year for one in (*given.moments, *given.extra_moments) if one.year}
    named = {one.year for one in written.moments if one.year and start <= one.start < end}
    ends = named & known or known
    slack = 1 if figure.rounding != "exact" or figure.dimension == "age" else 0
    return any(
        one != other and abs(abs(one - other) - years) <= slack for one in ends for other in known
    )


def _sentence(text: str, figure: Figure) -> tuple[int, int]:
    """Return where the sentence of a figure begins and ends."""
    start = first = max(0, figure.start - _LONGEST)
    for match in _SENTENCE.finditer(text, first, figure.start):
        start = match.end()
    end = _SENTENCE.search(text, figure.end, figure.end + _LONGEST)
    return start, end.start() if end else figure.end + _LONGEST


def _is_close(figure: Figure, value: Decimal) -> bool:
    slack = Decimal("0.1") * value if figure.rounding != "exact" else Decimal(0)
    return abs(figure.value - value) <= slack
