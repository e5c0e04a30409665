"""Figures that no number with a unit says: 2:27:15, 8块5, half an hour, 半年."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from studio.writing.facts.figure import Figure
from studio.writing.facts.numerals import chinese_value, numerals
from studio.writing.facts.rounding_words import rounding_before

_CLOCKED = (
    (re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d):([0-5]\d)(?![\d:])"), (3600, 60, 1)),
    (re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d\.\d{1,3})(?!\d)"), (60, 1)),
    (
        re.compile(
            r"(?<!\d)(\d{1,2})\s?h\s?([0-5]?\d)(?![\d:])(?:\s?(?:min|['′m])(?:\s?([0-5]?\d)\s?[\"″s]?)?)?"
        ),
        (3600, 60, 1),
    ),
    (re.compile(r"(?<!\d)(\d{1,2})['′]([0-5]\d)[\"″](?!\d)"), (60, 1)),
    (re.compile(r"(?<!\d)(\d{1,2})['′]([0-5]\d)[\"″](\d{2})(?!\d)"), (60, 1, 0.01)),
    (re.compile(r"(?<!\d)(\d{1,2})分([0-5]?\d)秒(\d{2})(?!\d)"), (60, 1, 0.01)),
    (re.compile(r"(?<!\d)(\d{1,2})分钟?([0-5]?\d)秒(?!\d)"), (60, 1)),
    (re.compile(r"(?<![\d分.])(\d{1,2})秒(\d{2})(?!\d)"), (1, 0.01)),
)
_SPOKEN_MONEY = re.compile(
    r"(?<![\d.])(\d{1,6}|[一二两三四五六七八九十])(块|毛)([\d一二三四五六七八九])(?![\d.个家名位种只])"
)


def spoken_figures(text: str) -> Iterator[Figure]:
    yield from _clocked(text)
    yield from _spoken_money(text)
    yield from _spoken_times(text)


def _clocked(text: str) -> Iterator[Figure]:
    """Yield times that were taken with a watch: 2:27:15, 4h 38' 20", 1分54秒26."""
    for pattern, factors in _CLOCKED:
        for match in pattern.finditer(text):
            parts = zip(match.groups(), factors, strict=False)
            value = sum(
                (Decimal(part) * Decimal(str(factor)) for part, factor in parts if part), Decimal(0)
            )
            yield Figure(value, "time", *match.span(), number=value)


def _spoken_money(text: str) -> Iterator[Figure]:
    """Yield 8块5 and 一毛七."""
    for match in _SPOKEN_MONEY.finditer(text):
        whole, rest = (
            Decimal(part) if part.isascii() else chinese_value(part) for part in match.group(1, 3)
        )
        if whole is None or rest is None:
            continue
        value = whole + rest / 10
        value = value if match[2] == "块" else value / 10
        yield Figure(value, "CNY", *match.span(), number=value, step=Decimal("0.01"))


_SPOKEN_TIMES = tuple(
    (re.compile(pattern, re.IGNORECASE), dimension, Decimal(value))
    for pattern, dimension, value in (
        (r"\b(?:(?:a|one)\s)?half[\s-](?:an[\s-])?hour\b|(?<!个)半(?:个)?小时", "time", 1800),
        (r"\b(?:a\s)?quarter[\s-](?:of[\s-])?an[\s-]hour\b", "time", 900),
        (r"\bthree[\s-]quarters\sof\san\shour\b", "time", 2700),
        (r"\ban\shour\sand\sa\shalf\b", "time", 5400),
        (r"\ban\shour\sand\sa\squarter\b", "time", 4500),
        (r"\b(?:a\s)?fortnight\b", "time", 1209600),
        (r"\bhalf\sa\syear\b|(?<![上下\d个年])半年(?![报度级])", "month", 6),
    )
)


_HOUR_AND = re.compile(
    r"\b(?:an|one)\shour(?:\sand)?\s(\d{1,2}|[a-z]+(?:-[a-z]+)?)(?:\sminutes)?\b", re.IGNORECASE
)


def _spoken_times(text: str) -> Iterator[Figure]:
    """Yield half an hour, a fortnight, 半年, an hour and ten minutes."""
    for match in _HOUR_AND.finditer(text):
        minutes = next(numerals(match[1]), None)
        if minutes is not None and minutes.value < 60:
            value = 3600 + minutes.value * 60
            yield Figure(value, "time", *match.span(), step=Decimal(60), number=value / 60)
    for pattern, dimension, value in _SPOKEN_TIMES:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 24) : match.start()]
            rounding = rounding_before(before)
            yield Figure(
                value, dimension, *match.span(), rounding=rounding, number=value, in_words=True
            )
