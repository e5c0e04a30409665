"""Figures that follow from those of a brief."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from typing import Literal, TypeAlias

from msgspec.structs import replace

from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.fractions_in_words import fractions_said
from studio.writing.facts.time_spans import hours_open, is_span
from studio.writing.facts.units import is_money

_MOST = 32
"""So many figures are combined."""
CONVERTED = Decimal("0.0005")
"""Figures in converted units may differ by so much."""
_ROUNDED = Decimal("0.05")
"""What is said with "about" may differ by so much."""

_Way: TypeAlias = Literal[
    "sum", "difference", "product", "quotient", "share", "change", "part", "points"
]

_WORDS: dict[_Way, re.Pattern[str]] = {
    "sum": re.compile(
        r"[共总]|合计|加起来|加在一起|全(?:部|年|程|书)|一季"
        r"|\b(?:total\w*|in all|altogether|both|together|combined|sum"
        r"|overall|between them|bring\w*|as a whole|all told)\b",
        re.IGNORECASE,
    ),
    "difference": re.compile(
        r"[增降减比余剩省贵涨跌差高低]|[轻小大短长快慢]了|瘦身|优惠|净胜|便宜|[多少]|其他|其余|另|距|去年|上年|原来|此前"
        r"|\b(?:more|fewer|less|than|differen\w+"
        r"|other|others|rest|remain\w*|sav\w+|cheaper|dearer|left|later|earlier|after|before|up|down"
        r"|gap|lead|margin|ahead|behind|short|without|but|over|under|gain\w*|rose|fell|cut\w*|reduc\w+"
        r"|increas\w+|drop\w*|since|still|extra|higher|lower|longer|shorter|faster|slower|off"
        r"|improv\w+|add\w*|new|another|last year|previous\w*|points?|w[io]n|by|beat\w*|lost)\b",
        re.IGNORECASE,
    ),
    "product": re.compile(
        r"[共总合计即]|等于|相当|一季|每|一年|个月|\b(?:total\w*|all|altogether|both|combined|per|each|every|annual\w*"
        r"|for|a|comes?|came|worth|cost\w*|months?|years?|weeks?|days?)\b",
        re.IGNORECASE,
    ),
    "quotient": re.compile(
        r"平均|人均|均|每|折合|合|约|\b(?:average\w*|averaging|per|each|every|apiece|a|an)\b",
        re.IGNORECASE,
    ),
    "share": re.compile(
        r"[占的中]|其中|率|成|\b(?:of|share|out|among|in|or|margin|ratio|used|spent|rate|half|makes?|made)\b",
        re.IGNORECASE,
    ),
    "change": re.compile(
        r"[增降减比涨跌升多少高低落回]|翻|\b(?:more|fewer|less|than|up|down|rise|rose|risen|fell|fall\w*|cut\w*"
        r"|grew|grow\w*|increas\w+|drop\w*|reduc\w+|by|jump\w*|climb\w*|slip\w*|higher|lower|shr[aiu]nk\w*"
        r"|gain\w*|declin\w+|decreas\w+|slid\w*|cheaper|off|discount\w*|sav\w+|improv\w+|faster|slower)\b",
        re.IGNORECASE,
    ),
    "part": re.compile(
        r"半|[折减省价剩余]|其|\b(?:half|off|of|save\w*|price|now|left|rest|remain\w*|after|with)\b",
        re.IGNORECASE,
    ),
}
"""What words beside a figure say that it was worked out in this way."""


def is_derived(
    figure: Figure, pool: tuple[Figure, ...], given: Facts, written: Facts, unsaid: list[Figure]
) -> bool:
    """Return whether a figure follows from those of the brief: the sum, difference, product or
    quotient of two, the change in percent from one to the other, the sum of several, or a span.

    `pool` are the figures of the brief and those of the draft that agree with it, `unsaid` those
    of the brief that the draft does not say. Where one of these may be meant, words beside the
    figure must say how it was worked out.
    """
    rivals = [one for one in unsaid if one.dimension == figure.dimension]
    has_rival = any(_are_of_one_thing(figure, one) for one in rivals)
    if figure.dimension in ("ordinal", "score"):
        return False
    if is_span(figure, given, written):
        return True
    if figure.dimension == "percent" and _is_fraction(figure, given.text):
        return True
    if _OF_IT.match(written.text, figure.end):
        figure = replace(figure, direction=0)  # "lost 5 % of them": a share
    around = _around(figure, written.text)
    ways: set[_Way] = {way for way, words in _WORDS.items() if words.search(around)}
    some = (*_numbers(pool[:_MOST]), *_totals(pool, given.text), *hours_open(given))
    is_large = not figure.is_bare or figure.value > _SMALL
    if is_large and _is_sum_of_many(figure, some):
        return True
    if _is_rest(figure, some):
        return True
    if is_money(figure.dimension) and "difference" in ways and _is_saved(figure, some):
        return True
    if _EACH.search(around) and any(
        one.dimension == figure.dimension and one.value / figure.value in _PARTS
        for one in some
        if figure.value
    ):
        return True
    if any(one.stems & _TOTALS for one in rivals):
        ways -= {"sum"}  # The brief says the total itself.
    said_ways = ways.copy()
    said_ways.add("points")
    if _is_precise(figure) and not (has_rival and figure.is_bare):
        said_ways |= _FREE
    if any(_is_close(figure, part) for part in _parts(figure, given.text, some)):
        return True
    for first, second in combinations((*some, *_small_numbers(figure, written)), 2):
        for way, value in _from_two(figure, first, second):
            if way in said_ways and _is_close(figure, value):
                return True
    return False


def _numbers(pool: tuple[Figure, ...]) -> Iterator[Figure]:
    """Yield the figures, and both numbers of a score."""
    for one in pool:
        if one.other is None:
            yield one
            continue
        for value in (one.value, one.other):
            yield replace(one, value=value, number=value, dimension="count", other=None)


_TOTALS = frozenset(("total", "合计", "共计", "总计", "总额", "总共"))


def _are_of_one_thing(figure: Figure, other: Figure) -> bool:
    return bool(figure.counted & other.counted) or len(figure.stems & other.stems) > 1


_FREE: set[_Way] = {"sum", "difference", "product", "part"}
"""What needs no words beside it where the figure has many digits."""
_OF_IT = re.compile(r"\s?of\s")
_NEAR = 28
_CUT = re.compile(r"[。；;，!?！？\n]|\.(?=\s|$)")


def _around(figure: Figure, text: str) -> str:
    """Return the words around a figure up to the ends of its sentence."""
    before = _CUT.split(text[max(0, figure.start - 2 * _NEAR) : figure.start])[-1]
    after = _CUT.split(text[figure.end : figure.end + _NEAR])[0]
    return before + " | " + after


def _is_precise(figure: Figure) -> bool:
    """Return whether a figure has so many digits that nothing gives it by chance."""
    digits = str(figure.number.normalize()).replace(".", "").lstrip("0").partition("E")[0]
    return len(digits.rstrip("0")) >= 3


def _is_fraction(figure: Figure, brief: str) -> bool:
    """Return whether the percentage is a fraction that the brief says in words: two thirds."""
    return any(abs(figure.value - value) <= 1 for value in fractions_said(brief))


def _small_numbers(figure: Figure, written: Facts) -> Iterator[Figure]:
    """Yield small counts beside a figure of the draft: three of "three groups, 6,000 in all"."""
    for one in written.figures:
        if one.is_bare and one.value <= 12 and one.end <= figure.start <= one.end + _NEAR:
            yield one


def _is_saved(figure: Figure, some: tuple[Figure, ...]) -> bool:
    """Return whether so much is saved when some are bought together: three days for 580 at 240
    a day, an adult and a child for 170."""
    prices = [one.value for one in some if one.dimension in (figure.dimension, "count")]
    prices = [value for value in prices if value >= figure.value][:_SMALL]
    apart = [one + other for one, other in combinations(prices, 2)]
    apart += [one * times for one in prices for times in range(2, 6)]
    return any(one - together == figure.value for one in apart for together in prices)


def _totals(pool: tuple[Figure, ...], brief: str) -> Iterator[Figure]:
    """Yield the sums of the columns of tables."""
    columns: dict[tuple[int, str], list[Figure]] = {}
    if brief.count("|") < 6:
        return
    for one in pool[:_MOST]:
        line = brief[brief.rfind("\n", 0, one.start) + 1 : one.start]
        if "|" in line and one.other is None:
            columns.setdefault((line.count("|"), one.dimension), []).append(one)
    for column in columns.values():
        if len(column) > 1:
            total = sum((one.value for one in column), Decimal(0))
            number = sum((one.number for one in column), Decimal(0))
            yield Figure(total, column[0].dimension, 0, 0, number=number, counted=column[0].counted)


def _is_sum_of_many(figure: Figure, some: tuple[Figure, ...]) -> bool:
    """Return whether the figure is the sum of three or more that follow each other."""
    may_be_bare = is_money(figure.dimension) and all(
        one.is_bare or not is_money(one.dimension) for one in some
    )
    dimension = "count" if may_be_bare else figure.dimension
    parts = [one for one in some if one.dimension == dimension]
    for at in range(len(parts)):
        total = parts[at].value
        for length, part in enumerate(parts[at + 1 :], 2):
            total += part.value
            if length > 2 and total == figure.value:
                return True
    return any(one.value == figure.value and one.end == 0 for one in parts)


def _is_rest(figure: Figure, some: tuple[Figure, ...]) -> bool:
    """Return whether the figure is what is left of one after some that follow each other."""
    if figure.value <= _SMALL:
        return False
    whole_100 = Figure(Decimal(100), "percent", 0, 0) if figure.dimension == "percent" else None
    wholes = [one for one in (*some, whole_100) if one is not None]
    for whole in wholes:
        if whole.dimension != figure.dimension:
            continue
        parts = [one for one in some if one is not whole and one.dimension == whole.dimension]
        for at in range(len(parts)):
            left = whole.value
            for length, part in enumerate(parts[at:], 1):
                left -= part.value
                if length > 1 and left == figure.value:
                    return True
    return False


def _parts(figure: Figure, brief: str, some: tuple[Figure, ...]) -> Iterator[Decimal]:
    """Yield the fractions that the brief says in words of its figures: a quarter of 360 million."""
    said = fractions_said(brief)
    for one in some:
        if one.dimension == figure.dimension or one.is_bare or figure.is_bare:
            for value in said:
                yield one.value * value / 100
                yield one.value * (100 - value) / 100


_SMALL = 12
"""Smaller counts follow from any two others."""
_EACH = re.compile(r"平均|人均|均摊|\b(?:averag\w+|each|apiece|per head)\b", re.IGNORECASE)
_PARTS = frozenset(map(Decimal, (2, 3, 4, 5, 6, 7, 8, 12)))
"""Into so many parts a whole is often divided."""
_TIMES = (2, 3, 4, 6, 7, 12)
"""A price for a part of the time is often told for the whole."""


def _from_two(figure: Figure, first: Figure, second: Figure) -> Iterator[tuple[_Way, Decimal]]:
    own = {first.dimension, second.dimension}
    is_same = first.dimension == second.dimension
    may_be_bare = is_money(figure.dimension) and own <= {figure.dimension, "count"}
    if figure.dimension in own and (is_same or may_be_bare):
        is_counted = figure.is_bare and is_same
        is_change = figure.dimension in ("percent", "degree") and figure.direction != 0
        if not is_change and (not is_counted or _may_be_added(figure, first, second)):
            yield "sum", first.value + second.value
            yield "difference", abs(first.value - second.value)
    elif is_money(figure.dimension) and own == {"count"}:
        yield "sum", first.value + second.value
        yield "difference", abs(first.value - second.value)
    elif figure.is_bare and is_same and not figure.counted:
        yield "difference", abs(first.number - second.number)
    are_points = figure.dimension == "percentage_point" or "point" in figure.counted
    if are_points and own <= {"percent", "percentage_point"}:
        yield "points", abs(first.value - second.value)
    yield from _products(figure, first, second)
    if is_same or _are_comparable(own):
        yield from _ratios(figure, first, second)
    for one, other in ((first, second), (second, first)):
        if not other.number:
            continue
        if one.dimension == figure.dimension and other.is_bare and not figure.is_bare:
            yield "quotient", one.value / other.value
        if figure.is_bare and one.is_bare and other.dimension in _SHARED_OUT:
            yield "quotient", one.value / other.number
        if is_money(figure.dimension) and one.dimension == figure.dimension:
            yield "quotient", one.value / other.number


def _may_be_added(figure: Figure, first: Figure, second: Figure) -> bool:
    """Return whether counts may be of one thing: nouns beside them do not contradict."""
    if figure.value > _SMALL:
        return True
    if not (first.counted and second.counted):
        return bool(figure.counted & (first.counted | second.counted | first.stems | second.stems))
    return bool(figure.counted & first.counted and figure.counted & second.counted)


def _products(figure: Figure, first: Figure, second: Figure) -> Iterator[tuple[_Way, Decimal]]:
    is_large = not figure.is_bare or figure.value > _SMALL
    for one, other in ((first, second), (second, first)):
        of_it = one.dimension in (figure.dimension, "count") or figure.is_bare
        if other.dimension == "discount" and of_it:
            # 8折 leaves eight tenths, 85折 leaves 85 hundredths.
            yield "points", one.value * other.value / (10 if other.value < 10 else 100)
        elif other.dimension == "percent" and of_it and one.dimension != "percent":
            if is_large and figure.dimension not in _NO_PRODUCT:
                yield "product", one.value * other.value / 100
                yield "part", one.value * (100 - other.value) / 100
        elif other.dimension == "fold" and of_it and is_large:
            yield "product", one.value * other.value
        elif one.dimension == figure.dimension and other.is_bare and is_large:
            is_time = figure.dimension in ("time", "month", "age") and not figure.period
            yield "sum" if is_time else "product", one.value * other.value
        elif is_money(figure.dimension) and one.dimension == figure.dimension:
            if other.dimension in ("month", "time"):
                yield "product", one.value * other.number
        elif one.is_bare and other.dimension == "time" and figure.is_bare and one.period:
            yield "product", one.value * other.value / _SECONDS.get(one.period, 86400)
    if is_money(figure.dimension) or figure.dimension in ("mass", "volume", "length"):
        for one in (first, second):
            if one.dimension == figure.dimension and (one.period or figure.period):
                for times in _TIMES:
                    yield "product", one.value * times
                    yield "quotient", one.value / times


_SHARED_OUT = frozenset(("time", "month", "area", "length", "volume", "mass"))
_NO_PRODUCT = frozenset(("percent", "percentage_point", "fold", "degree", "temperature"))
_SECONDS = {"hour": 3600, "day": 86400, "week": 604800}


def _ratios(figure: Figure, first: Figure, second: Figure) -> Iterator[tuple[_Way, Decimal]]:
    is_in_months = figure.dimension == "month" and is_money(first.dimension)
    if figure.dimension not in ("percent", "fold") and not is_in_months:
        return
    if first.dimension == "percent" and figure.dimension == "percent" and not figure.is_fraction:
        return  # "Up 5 per cent" from 41 to 46 per cent is wrong, these are points.
    must_be_beside = (first.is_bare and second.is_bare) or figure.is_fraction
    if must_be_beside and not _are_beside(first, second):
        return
    if figure.is_fraction and not _is_about_it(figure, first, second):
        return
    for one, other in ((first, second), (second, first)):
        if not other.value:
            continue
        if figure.dimension in ("fold", "month"):
            for way in _ANY:
                yield way, one.value / other.value
            continue
        yield "change", abs(one.value / other.value - 1) * 100
        if not figure.direction:
            yield "share", one.value / other.value * 100


def _is_about_it(figure: Figure, first: Figure, second: Figure) -> bool:
    """Return whether words beside a fraction are those beside one of two figures, as far as they
    are in one language."""
    words = first.stems | second.stems | first.counted | second.counted
    has_latin = any(word.isascii() for word in figure.stems)
    if has_latin != any(word.isascii() for word in words):
        return True
    return not figure.stems or bool(figure.stems & words)


_ANY: tuple[_Way, ...] = ("change", "share", "difference", "product", "quotient")
_BESIDE = 80


def _are_beside(first: Figure, second: Figure) -> bool:
    """Return whether two counts stand near each other or count the same."""
    is_near = abs(first.start - second.start) < _BESIDE
    return is_near or bool(first.counted & second.counted) or not first.end or not second.end


def _are_comparable(dimensions: set[str]) -> bool:
    return len(dimensions - {"count"}) <= 1 and not dimensions & {"ordinal", "score"}


def _is_close(figure: Figure, value: Decimal) -> bool:
    distance = abs(figure.value - value)
    if figure.rounding != "exact":
        slack = _ROUNDED * (2 if figure.is_fraction else 1)
        return distance <= max(figure.value * slack, figure.step / 2)
    if figure.dimension in ("percent", "percentage_point", "fold"):
        return distance <= figure.step / 2
    return distance <= max(figure.value * CONVERTED, _last_place(figure))


def _last_place(figure: Figure) -> Decimal:
    """Return half of what the last place is worth where a figure has decimals: 1.17 million."""
    return figure.step / 2 if figure.number % 1 and _is_precise(figure) else Decimal(0)
