"""Whether two figures are of one thing, and whether they are equal."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from studio.writing.facts.derived_figures import CONVERTED
from studio.writing.facts.figure import Figure

_DAY = 86400
_MARGIN = Decimal("0.05")
"""By how much "about" and "more than" may be off."""
SAYS_A_CHANGE = frozenset(
    "增长 同比 环比 比增 比降 比下 比上 下降 上升 减少 增加 降低 提高 同期 去年 年同 上年".split()
)
"""Pairs of characters in labels that say a change, not of what."""


def contradicts(figure: Figure, other: Figure) -> bool:
    if {figure.dimension, other.dimension} <= {"temperature", "degree"} and -1 in (
        figure.direction,
        other.direction,
    ):
        return figure.direction != other.direction
    return figure.direction * other.direction < 0


def is_judged(figure: Figure, alike: list[Figure]) -> bool:
    """Small numbers in words are often no fact ("one of the best"): these are compared only with
    a figure of the same thing."""
    is_one_day = figure.dimension == "time" and figure.number == 1 and figure.step >= _DAY
    same_measure = any(other.dimension == figure.dimension for other in alike)
    is_open = figure.rounding == "over" and not (figure.dimension == "time" and same_measure)
    if figure.value == 1 or is_one_day or is_open:
        return not (is_open or figure.is_bare) and any(
            other.dimension == figure.dimension and figure.label & (other.label - SAYS_A_CHANGE)
            for other in alike
        )
    same = [other for other in alike if other.dimension == figure.dimension]
    if figure.is_fraction:
        return any(figure.stems & other.stems for other in same)
    if figure.dimension == "count" and figure.value <= 12:
        return any(_counts_alike(figure, other) for other in same)
    return figure.dimension not in ("discount", "time", "month", "fold", "length") or bool(same)


def _counts_alike(figure: Figure, other: Figure) -> bool:
    """Return whether two counts are of one thing, also where a brief has the noun before the
    number or cuts it short: 主舞台2个, "conversions: Shaw 2", "1 bath"."""
    if figure.counted & (other.counted | other.label):
        return True
    if figure.counted & other.stems and len(figure.stems & other.stems) > 1:
        return True
    return any(
        one.isascii() and len(short) > 2 and one.startswith(short)
        for one in figure.counted
        for short in other.counted
    )


def same_thing(figure: Figure, other: Figure) -> bool:
    if figure.dimension == other.dimension:
        return True
    dimensions = {figure.dimension, other.dimension}
    if "ordinal" in dimensions:
        return dimensions <= {"ordinal", "count", "time", "month", "age"}
    if figure.is_bare != other.is_bare:
        is_of_time = bool(dimensions & {"time", "month", "age"})
        if is_of_time and figure.is_bare and figure.in_words and figure.counted:
            return False  # 三个舞台 is no 三天
        return "score" not in dimensions  # "price: 680", "43-53 cm"
    if dimensions in ({"pound", "GBP"}, {"degree", "temperature"}):
        return True
    if dimensions == {"age", "month"}:
        return _in_years(figure) == _in_years(other)
    return figure.dimension == other.dimension


def _in_years(figure: Figure) -> Decimal:
    return figure.value / 12 if figure.dimension == "month" else figure.value


def same_value(figure: Figure, other: Figure) -> bool:
    if {figure.dimension, other.dimension} == {"age", "month"}:
        return _in_years(figure) == _in_years(other)
    if figure.other != other.other and figure.dimension == "score":
        return False
    if figure.value == other.value:
        return True
    if "ordinal" in (figure.dimension, other.dimension):
        return figure.number == other.number
    if figure.is_bare != other.is_bare:
        figure = replace(figure, value=figure.number, step=figure.number_step, dimension="")
        other = replace(other, value=other.number, step=other.number_step, dimension="")
        if figure.value == other.value or figure.rounding != "about":
            return figure.value == other.value
    if figure.is_fraction != other.is_fraction:
        return abs(figure.value - other.value) <= figure.value * _MARGIN * 2
    is_measured = figure.dimension not in ("count", "score", "ordinal")
    if is_measured and abs(figure.value - other.value) <= other.value * CONVERTED:
        return True
    is_rounded = abs(figure.value - other.value) <= figure.step / 2
    margin = max(figure.step, other.value * _MARGIN)
    if figure.rounding == "about" or other.rounding == "about":
        return is_rounded or abs(figure.value - other.value) <= other.value * _MARGIN
    if figure.in_words and figure.rounding in ("over", "under"):
        margin = max(margin, other.value * _MARGIN * 4)
    if figure.rounding == "over":
        return 0 <= other.value - figure.value <= margin
    if figure.rounding == "under":
        return 0 <= figure.value - other.value <= margin
    has_two_digits = figure.step > 0 and figure.value / figure.step >= 10
    is_round = figure.step > 1 if figure.dimension == "count" else True
    return is_rounded and has_two_digits and is_round and figure.dimension != "percent"
