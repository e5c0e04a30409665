"""Dates that follow from those of a brief: a text may say them although the brief does not."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise

from studio.writing.facts.dates import CHINESE_DAYS, Moment
from studio.writing.facts.figure import Figure

_UNTIL = re.compile(r"\s?(?:-|~|to|through|until|till|至|到)\s?")
_LISTED_DAYS = re.compile(r"(?:周|星期)(?:([一二三四五六日天]{2,})|末)")
_DAY_AND_MONTH = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?![\d/])")
_MONTHS = re.compile(r"(?<!\d)([1-9]|1[0-2])\s?[-~至到]\s?([1-9]|1[0-2])\s?月")
_HOURS = re.compile(
    r"(?<![\d:.-])(\d{1,2})\s?(?:[-~至到]|to|until)\s?(?:\d{1,2}:\d\d|(\d{1,2})\s?(?:h|点|时)(?![a-z]))"
)
_CLOCK = re.compile(
    r"(?<![\d:.,$¥€£])(1\d|2[0-4]|0?\d)\.([0-5]\d)(?![\d%:]|\.\d|\s?(?:[a-z]+s\b|m\b|km|kg))"
)
"""What may be a time of day: back by 3.15."""
_DAYS_OF_MONTH = re.compile(r"(\d{1,2})月((?:\d{1,2}日?[、,和及或与]){1,6}\d{1,2})[日号]")
_DAY_OF_MONTH = re.compile(r"\bthe (\d{1,2})(?:st|nd|rd|th)\b")
_DAY_BEFORE = re.compile(
    r"(?<!\d)(\d{1,2})\s?(?:and|to|,|&|、|和|-|~)\s?"
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?\s)?$"
)
_ENDS = (
    (3, re.compile(r"一季度|第一季|\bQ1\b|\bfirst[\s-]quarter\b", re.IGNORECASE)),
    (
        6,
        re.compile(
            r"上半年|半年报|中报|二季度|第二季|\bH1\b|\bQ2\b|\bfirst half\b|\bhalf[\s-]year"
            r"|\bsecond[\s-]quarter\b|\bsix months\b",
            re.IGNORECASE,
        ),
    ),
    (
        9,
        re.compile(r"三季度|第三季|\bQ3\b|\bthird[\s-]quarter\b|\bnine months\b", re.IGNORECASE),
    ),
    (
        12,
        re.compile(
            r"全年|年报|年度|下半年|四季度|\bH2\b|\bQ4\b|\bfourth[\s-]quarter\b|\bfull[\s-]year"
            r"|\bannual\b|\bsecond half\b",
            re.IGNORECASE,
        ),
    ),
)
_MOST_MONTHS = 1200


def weekday_ranges(found: tuple[Moment, ...], text: str) -> Iterator[tuple[Moment, Moment]]:
    """Yield the first and last day of "Tue-Fri"."""
    for first, second in pairwise(found):
        if first.weekday is None or second.weekday is None:
            continue
        if _UNTIL.fullmatch(text[first.end : second.start]):
            yield first, second


def implied_dates(
    found: tuple[Moment, ...], figures: tuple[Figure, ...], text: str
) -> Iterator[Moment]:
    """Yield the days between two days of the week, the day of the week of a date, days written as
    23/6, the end of a quarter, and the end of what begins on a date and lasts so long."""
    for first, second in weekday_ranges(found, text):
        day = first.weekday or 0
        while day != second.weekday:
            yield Moment(first.start, second.end, weekday=day)
            day = (day + 1) % 7
    for match in _LISTED_DAYS.finditer(text):
        for name in match[1] or "六日":
            yield Moment(*match.span(), weekday=CHINESE_DAYS[name])
    for match in _DAY_AND_MONTH.finditer(text):
        one, other = int(match[1]), int(match[2])
        for number, month in ((one, other), (other, one)):
            if 1 <= month <= 12 and 1 <= number <= 31:
                yield Moment(*match.span(), month=month, day=number)
    for match in _HOURS.finditer(text):
        for hour in (int(part) for part in match.groups() if part):
            if hour < 24:
                yield Moment(*match.span(), hour=hour, minute=0, is_half_day_open=1 <= hour <= 12)
    for match in _CLOCK.finditer(text):
        hour = int(match[1])
        is_open = 1 <= hour <= 12
        yield Moment(*match.span(), hour=hour % 24, minute=int(match[2]), is_half_day_open=is_open)
    for match in _DAYS_OF_MONTH.finditer(text):
        for number in re.findall(r"\d+", match[2]):
            if 1 <= int(match[1]) <= 12 and 1 <= int(number) <= 31:
                yield Moment(*match.span(), month=int(match[1]), day=int(number))
    for match in _DAY_OF_MONTH.finditer(text):
        if 1 <= int(match[1]) <= 31:
            yield Moment(*match.span(), day=int(match[1]))
    for moment in found:
        earlier = _DAY_BEFORE.search(text[max(0, moment.start - 18) : moment.start])
        if earlier and moment.month and moment.day and 1 <= int(earlier[1]) <= 31:
            yield Moment(moment.start, moment.end, month=moment.month, day=int(earlier[1]))
    for match in _MONTHS.finditer(text):
        for month in range(int(match[1]), int(match[2]) + 1):
            yield Moment(*match.span(), month=month)
    for month, pattern in _ENDS:
        if said := pattern.search(text):
            yield Moment(*said.span(), month=month, day=monthrange(2023, month)[1])
    months = [int(one.value) for one in figures if one.dimension == "month"]
    days = [int(one.value) // 86400 for one in figures if one.dimension == "time"]
    for moment in found:
        with suppress(ValueError, OverflowError):
            if not (moment.year and moment.month and moment.day):
                continue
            start = date(moment.year, moment.month, moment.day)
            if moment.weekday is None:
                yield Moment(moment.start, moment.end, weekday=start.weekday())
            for end in _ends(start, months, days):
                yield Moment(
                    moment.start,
                    moment.end,
                    year=end.year,
                    month=end.month,
                    day=end.day,
                    is_end=True,
                )


def _ends(start: date, months: list[int], days: list[int]) -> Iterator[date]:
    for count in months:
        if 0 < count <= _MOST_MONTHS:
            year, month = divmod(start.month - 1 + count, 12)
            last = monthrange(start.year + year, month + 1)[1]
            end = date(start.year + year, month + 1, min(start.day, last))
            yield from (end, end - timedelta(days=1))
    for count in days:
        if count > 0:
            yield from (start + timedelta(days=count), start + timedelta(days=count - 1))
