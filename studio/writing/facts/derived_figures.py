"""Figures that follow from those of a brief."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal

from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.units import is_money

_MOST_DERIVED = 10
"""So many figures of a brief are combined."""
CONVERTED = Decimal("0.0005")
"""Figures in converted units may differ by so much."""
_ROUNDED = Decimal("0.02")
"""Sums that are said with "about" may differ by so much."""


def is_derived(figure: Figure, given: Facts, draft: str) -> bool:
    """Return whether a figure follows from those of the brief: the sum, difference, product or
    quotient of two, the change in percent from one to the other, a half or a discount, or what
    falls on each."""
    some = given.figures[:_MOST_DERIVED]
    if figure.dimension in ("time", "month") and _is_between_dates(figure, given):
        return True
    if figure.dimension == "percent" and _is_fraction(figure, given.text):
        return True
    if _is_rest(figure, some):
        return True
    before = _CUT.split(draft[max(0, figure.start - _NEAR) : figure.start])[-1]
    after = _CUT.split(draft[figure.end : figure.end + _NEAR])[0]
    is_each = bool(_EACH.search(before + "|" + after))
    around = draft[figure.clause : figure.start] + "|" + after
    is_halved = bool(_HALF.search(given.text))
    for at, first in enumerate(some):
        of_it = first.dimension == figure.dimension or first.is_bare
        is_total = bool(figure.period or first.period or _TOTAL.search(around))
        if is_money(figure.dimension) and of_it and is_total and first.value and figure.value:
            times = max(figure.value, first.value) / min(figure.value, first.value)
            if times in _TIMES:
                return True
        is_money_of_it = of_it or (figure.is_bare and is_money(first.dimension))
        if is_halved and is_money_of_it and figure.value * 2 == first.value:
            return True
        if is_each and of_it and figure.value and first.value / figure.value in _PARTS:
            return True
        run, end, length = first.value, first.end, 1
        for second in some[at + 1 :]:
            if second.dimension != first.dimension or second.start - end > 2 * _NEAR:
                break
            run, end, length = run + second.value, second.end, length + 1
            is_run = run == figure.value and figure.dimension == first.dimension
            if is_run and length > 2:
                return True
        for second in some[at + 1 :]:
            is_of_both = figure.counted & first.counted and figure.counted & second.counted
            # Counts of different things have no sum.
            has_sum = not (figure.is_bare and first.is_bare) or is_total or bool(is_of_both)
            is_spread = is_each or is_total
            values = _from_two(figure, first, second, has_sum=has_sum, is_spread=is_spread)
            if any(_is_close(figure, value) for value in values):
                return True
            own = (first.dimension, second.dimension)
            is_divided = is_each and (figure.dimension in own or figure.is_bare)
            if is_divided and any(_is_close(figure, one) for one in _quotients(first, second)):
                return True
    return False


def _is_fraction(figure: Figure, brief: str) -> bool:
    """Return whether the percentage is a fraction that the brief says in words: two thirds."""
    for pattern, value in _FRACTIONS:
        if abs(figure.value - value) <= 1 and re.search(pattern, brief, re.IGNORECASE):
            return True
    return False


def _is_rest(figure: Figure, some: tuple[Figure, ...]) -> bool:
    """Return whether the figure is what is left of one after some that follow each other."""
    for whole in some:
        parts = [one for one in some if one is not whole and one.dimension == whole.dimension]
        for at in range(len(parts)):
            left = whole.value
            for length, part in enumerate(parts[at:], 1):
                left -= part.value
                if length > 1 and left == figure.value and figure.dimension == whole.dimension:
                    return figure.value > _SMALL
    return False


def _is_between_dates(figure: Figure, given: Facts) -> bool:
    """Return whether so many days lie between two dates of the brief: two weeks of 3 to 17 May."""
    days = []
    for moment in (*given.moments, *given.extra_moments):
        with suppress(ValueError):
            if moment.month and moment.day:
                days.append(date(moment.year or _ANY_YEAR, moment.month, moment.day))
    if figure.dimension == "month":
        spans = [abs((one - other).days) for at, one in enumerate(days) for other in days[at + 1 :]]
        return any(abs(span - figure.value * _DAYS_OF_MONTH) <= _SLACK for span in spans if span)
    wanted = figure.value / _DAY
    return any(
        wanted in (abs((one - other).days), abs((one - other).days) + 1)
        for at, one in enumerate(days)
        for other in days[at + 1 :]
        if one != other
    )


def _quotients(first: Figure, second: Figure) -> Iterator[Decimal]:
    for one, other in ((first, second), (second, first)):
        if other.number:
            yield one.value / other.number


def _from_two(
    figure: Figure, first: Figure, second: Figure, *, has_sum: bool, is_spread: bool
) -> Iterator[Decimal]:
    own = {first.dimension, second.dimension}
    is_large = figure.dimension != "count" or figure.value > _SMALL or figure.value % 1
    summed = {figure.dimension, "count"} if is_money(figure.dimension) else {figure.dimension}
    if has_sum and figure.dimension in own and own <= summed and is_large:
        yield first.value + second.value
        if figure.dimension != "percent" or not figure.direction:
            yield abs(first.value - second.value)
    if own == {"count"} and figure.is_bare and is_large:
        yield first.value * second.value
    if is_money(figure.dimension) and "month" in own and figure.dimension in own:
        yield (
            first.number * second.value
            if second.dimension != "month"
            else first.value * second.number
        )
    if own == {"count", figure.dimension} and is_large and is_spread:
        yield first.value * second.value
        for one, other in ((first, second), (second, first)):
            if other.value:
                yield one.value / other.value
    for one, other in ((first, second), (second, first)):
        if other.dimension == "discount" and one.dimension in (figure.dimension, "count"):
            # 8折 leaves eight tenths, 85折 leaves 85 hundredths.
            yield one.value * other.value / (10 if other.value < 10 else 100)
        of_it = one.dimension in (figure.dimension, "count") and other.dimension == "percent"
        if of_it and figure.dimension not in ("percent", "count"):
            yield one.value * other.value / 100
            yield one.value * (100 - other.value) / 100
    if figure.dimension == "month" and len(own) == 1 and is_money(first.dimension):
        for one, other in ((first, second), (second, first)):
            if other.value:
                yield one.value / other.value
    if figure.dimension in ("percent", "percentage_point", "count"):
        for one, other in ((first, second), (second, first)):
            if own == {"percent"}:
                # "Up 5 per cent" from 41 to 46 per cent is wrong, these are points.
                if figure.dimension != "percent" or not figure.direction:
                    yield abs(one.value - other.value)
            elif figure.dimension == "percent" and other.value and _are_comparable(own):
                yield abs(one.value / other.value - 1) * 100
                if not figure.direction:
                    yield one.value / other.value * 100


def _are_comparable(dimensions: set[str]) -> bool:
    return len(dimensions - {"count"}) <= 1


_DAY = 86400
_DAYS_OF_MONTH = Decimal("30.4375")
_SLACK = 2
_FRACTIONS = (
    (r"\btwo[\s-]thirds?\b|三分之二", Decimal(200) / 3),
    (r"\b(?:a|one)[\s-]third\b|三分之一", Decimal(100) / 3),
    (r"\bhalf\b|一半|半数|二分之一", Decimal(50)),
    (r"\b(?:a|one)[\s-]quarter\b|四分之一", Decimal(25)),
    (r"\bthree[\s-]quarters\b|四分之三", Decimal(75)),
    (r"\bone in five\b|\b(?:a|one)[\s-]fifth\b|五分之一", Decimal(20)),
    (r"\bone in ten\b|\b(?:a|one)[\s-]tenth\b|十分之一", Decimal(10)),
)
_ANY_YEAR = 2023
_NEAR = 12
_CUT = re.compile(r"[，。；,;.!?！？\n]")
_EACH = re.compile(
    r"平均|人均|每|折合|\b(?:average|averaging|per|each|every|apiece)\b", re.IGNORECASE
)
_TOTAL = re.compile(
    r"[共全合总首增降减比余剩省贵]|便宜|多|少|差|每|一年|一季|个月|\b(?:total|all|altogether|whole|both|together|combined|more"
    r"|fewer|less|than|difference|other|rest|remaining|months?|years?|quarters?|weeks?|per|each|every|by|annual\w*|sav\w+|cheaper|dearer|with|including|plus|sum|left)\b",
    re.IGNORECASE,
)
_HALF = re.compile(r"半价|减半|一半|\bhalf(?:[\s-]price)?\b", re.IGNORECASE)
_PARTS = frozenset(map(Decimal, range(2, 13)))
"""Into so many parts a whole is often divided."""
_TIMES = (2, 3, 4, 6, 12)
"""A price a month, a quarter or for a few is often told for the whole."""
_SMALL = 12
"""Smaller counts follow from any two others."""


def _is_close(figure: Figure, value: Decimal) -> bool:
    return abs(figure.value - value) <= (
        figure.step / 2
        if figure.dimension == "percent" and figure.rounding == "exact"
        else figure.value * CONVERTED
        if figure.rounding == "exact"
        else max(figure.value * _ROUNDED, figure.step / 2 if figure.number % 1 else Decimal(0))
    )
