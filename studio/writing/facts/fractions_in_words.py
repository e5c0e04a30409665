"""Fractions in words, as percentages: a third, three in four, 四分之三."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from studio.writing.facts.figure import Figure, Rounding
from studio.writing.facts.numerals import chinese_value

_FRACTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), value)
    for pattern, value in (
        (r"\btwo[\s-]thirds?\b|三分之二", Decimal(200) / 3),
        (r"\b(?:a|one)[\s-]third\b|三分之一", Decimal(100) / 3),
        (r"\bhalf\b|[一减]半|半数|二分之一|半价", Decimal(50)),
        (r"\b(?:a|one)[\s-]quarter\b|四分之一", Decimal(25)),
        (r"\bthree[\s-]quarters\b|四分之三", Decimal(75)),
        (r"\bone in five\b|\b(?:a|one)[\s-]fifth\b|五分之一", Decimal(20)),
        (r"\bone in ten\b|\b(?:a|one)[\s-]tenth\b|十分之一", Decimal(10)),
    )
)
_NUMBERS = {
    word: at
    for at, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
}
_NUMBERS |= {"a": 1}
_PARTS = {"third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9}
_PARTS |= {"tenth": 10}
_ROUGHLY = (
    r"(?:(?P<about>about|around|roughly|nearly|almost|some|just under|近|将近|约|大约|接近)\s?"
)
_ROUGHLY += r"|(?P<over>over|more than|at least|超过|逾)\s?)?"
_ENGLISH = re.compile(
    rf"\b{_ROUGHLY}(?:(?P<count>{'|'.join(_NUMBERS)})[\s-](?P<part>{'|'.join(_PARTS)})s?"
    r"(?=\sof\b|\s(?:more|less|fewer|higher|lower|than|off)\b|[.,;]|\s[A-Z])"
    r"|(?P<half>half)(?=\s(?:of|the|its|their|his|her|our)\b)(?!\sthe\s(?:time|way|price))"
    rf"|(?P<some>{'|'.join(list(_NUMBERS)[:9])})\s(?:in|out of)\s(?:every\s)?"
    rf"(?P<every>{'|'.join(list(_NUMBERS)[1:10])}))\b",
    re.IGNORECASE,
)
_CHINESE = re.compile(rf"{_ROUGHLY}([二两三四五六七八九十])分之([一二三四五六七八九])")


@lru_cache(maxsize=2)
def fractions_said(text: str) -> tuple[Decimal, ...]:
    """Return which common fractions a text has anywhere, as percentages."""
    return tuple(value for pattern, value in _FRACTIONS if pattern.search(text))


def fractions_in(text: str) -> Iterator[Figure]:
    """Yield fractions of something as percentages: 33.3 for "a third of"."""
    for match in _ENGLISH.finditer(text):
        if match["half"]:
            value = Decimal(1) / 2
        elif match["part"]:
            value = Decimal(_NUMBERS[match["count"].casefold()]) / _PARTS[match["part"].casefold()]
        else:
            value = (
                Decimal(_NUMBERS[match["some"].casefold()]) / _NUMBERS[match["every"].casefold()]
            )
        if 0 < value < 1:
            yield _figure(match, value)
    for match in _CHINESE.finditer(text):
        whole, part = (chinese_value(one) for one in match.groups()[-2:])
        if whole and part and part < whole:
            yield _figure(match, part / whole)


def _figure(match: re.Match[str], value: Decimal) -> Figure:
    rounding: Rounding = "over" if match["over"] else "about"
    return Figure(
        value * 100,
        "percent",
        *match.span(),
        rounding=rounding,
        step=Decimal(2),
        number=value * 100,
        number_step=Decimal(2),
        in_words=True,
        is_fraction=True,
    )
