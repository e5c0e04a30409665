"""The figures of a text: what is counted or measured, how much, and whether it rose or fell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import dropwhile, islice, takewhile

import msgspec

from studio.writing.facts.figure import Figure
from studio.writing.facts.figure_context import STOP_CHARACTERS, STOP_WORDS, in_context, stem
from studio.writing.facts.fractions_in_words import fractions_in
from studio.writing.facts.numerals import Numeral, numerals
from studio.writing.facts.rounding_words import rounding_before
from studio.writing.facts.spoken_figures import spoken_figures
from studio.writing.facts.units import SYMBOLS, is_money, unit_at

MOST_FIGURES = 500
"""Each figure of a text is compared with each of the brief."""
_ENOUGH = 3 * MOST_FIGURES + 1
"""At most three numbers become one figure."""
_IDIOMS = frozenset("角度里块米smghx")
"""Units that after number words are mostly something else: 一角, 一度, 十里, 五成."""
_FURTHER = frozenset("new more other extra additional further".split())
_OF_AGE = re.compile(r"\b(?:over|under|the|early|late|mid|their|his|her)[\s-]$", re.IGNORECASE)
_SPEED_BEFORE = re.compile(r"(?:时速|每小时)[^，。,；\d]{0,4}$")
_SIGN = re.compile(r"(?:^|[\s(:,;、。，；：（\u4e00-\u9fff])([-+])[$¥€£]?$")
_SYMBOL = re.compile(
    r"(US\$|HK\$|A\$|C\$|[$¥€£]|RMB|CNY|USD|EUR|GBP|CHF|AUD|CAD|HKD|JPY|人民币|港币|美元|美金|欧元|英镑|日元|韩元)\s?$"
)
_PERCENT_BEFORE = re.compile(r"([百千万])分之\s?$")
_OF_WHAT = {"百": Decimal(1), "千": Decimal("0.1"), "万": Decimal("0.01")}
_ORDINAL_BEFORE = re.compile(r"第\s?$")
_PLACE_IN_CHINESE = re.compile(r"\s?(名|位|届|轮|分钟|期|次|场|局|周|天|层|号|排)")
_TO_PLACE = re.compile(
    r"\s?(?:-|~|至|到)\s?第?\s?\d+\s?(名|位|届|轮|分钟|期|次|场|局|周|天|层|号|排)"
)
_ORDINAL_AFTER = re.compile(r"(?:st|nd|rd|th)\b")
_MORE_AFTER = re.compile(r"\s?(?:多|余)(?![少])|几(?=[\u4e00-\u9fff])")
_OR_SO = re.compile(r"\s(?:(?:[a-z]+\s)?or\sso|odd|or\sthereabouts)\b")
_ROUGHLY_AFTER = re.compile(r"[\u4e00-\u9fff]{0,2}(左右|上下|以上|以下)")
_OF_SO_MANY = re.compile(
    r"\s(?:out\s)?of\s(?:(?:the|its|their|our|his|her|all)\s)?(?:\d+|one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven|twelve)(?=\s[a-z])"
)
_COUNTED = re.compile(r"[\s-]+((?:[A-Za-z][a-z'’]+)(?:[\s-](?:[A-Za-z][a-z'’]+)){0,2})")
_CLASSIFIER = (
    "个名位家件条项场次种台辆只份间座所部套支篇本张款粒颗枚组批门户架艘双对届期节堂课页字分题道"
)
_CLASSIFIER += "连瓶箱袋杯盒栋层区勺匙碗块"
_GENERAL_CLASSIFIERS = frozenset("个名位项次种家条场人")
_COUNTED_IN_CHINESE = re.compile(rf"\s?([{_CLASSIFIER}人]?)([\u4e00-\u9fff]{{0,4}})")
_AND_A_HALF = re.compile("半(?![小个年天])")
RANGE = re.compile(r"\s?(?:-|~|至|到|to|and|和)\s?")
_SCORE = re.compile(r"\s?[-:比]\s?")
_MAX_SCORE = 200


def figures(text: str, taken: Sequence[tuple[int, int]] = ()) -> tuple[Figure, ...]:
    """Return the figures of a text that went through `plain_digits`, in order.

    `taken` are parts that were read as something else: dates, addresses, codes. Far beyond
    `MOST_FIGURES` it reads no further.
    """
    spoken = list(spoken_figures(text))
    fractions = [
        one
        for one in fractions_in(text)
        if not any(start < one.end and one.start < end for start, end in taken)
    ]
    spoken += fractions
    places = [*taken, *((one.start, one.end) for one in spoken)]
    free = _without(list(numerals(text)), places, len(text))
    found = [*islice(_measured(text, free), _ENOUGH), *spoken[:_ENOUGH]]
    found.sort(key=lambda figure: figure.start)
    joined = list(_scores(text, list(_durations(text, _ranges(text, found)))))
    return tuple(in_context(text, joined))


def _without(found: list[Numeral], taken: list[tuple[int, int]], length: int) -> list[Numeral]:
    covered = bytearray(length)
    for start, end in taken:
        covered[start:end] = b"\1" * (end - start)
    return [numeral for numeral in found if not any(covered[numeral.start : numeral.end])]


def _measured(text: str, found: list[Numeral]) -> Iterator[Figure]:
    for numeral in found:
        figure = _figure(text, numeral)
        if figure is not None:
            yield figure


def _figure(text: str, numeral: Numeral) -> Figure | None:
    """Return the figure of a number with its unit, None where it is no figure ("第一", "一些")."""
    before, start, end = (
        text[max(0, numeral.start - 24) : numeral.start],
        numeral.start,
        numeral.end,
    )
    if _ORDINAL_BEFORE.search(before):
        place = _PLACE_IN_CHINESE.match(text, end) or _TO_PLACE.match(text, end)
        return _ordinal(numeral, end, place[1]) if place else None
    if suffix := _ORDINAL_AFTER.match(text, end):
        return _ordinal(numeral, suffix.end(), *_counted(text, suffix.end()))
    if numeral.value == 10 and numeral.in_words and text[end : end + 1] == "分":
        return None  # 十分: very
    dimension, factor, counted = "", Decimal(1), frozenset[str]()
    rounding = rounding_before(before)
    if more := _MORE_AFTER.match(text, end):
        rounding, end = "over", more.end()
    value, half = numeral.value, Decimal(0)
    if text[end : end + 2] == "个半":
        value, end = value + Decimal("0.5"), end + 2
    symbol = _SYMBOL.search(before)
    unit = unit_at(text, end)
    if text.startswith("个多", end) and (some := unit_at("个" + text[end + 2 : end + 5], 0)):
        rounding, unit = "over", (some[0], end + 1 + some[1])  # 3个多小时
    if of_what := _PERCENT_BEFORE.search(before):
        dimension, start = "percent", numeral.start - len("百分之")
        factor = _OF_WHAT[of_what[1]]
    elif unit is not None and _is_meant(numeral, text[end : unit[1]]):
        dimension, factor, end = unit[0].dimension, unit[0].factor, unit[1]
    if dimension in ("time", "month", "mass") and _AND_A_HALF.match(text, end):
        half, end = Decimal("0.5"), end + 1
    if dimension and (more := _MORE_AFTER.match(text, end)):
        rounding, end = "over", more.end()
    if text[numeral.end : end] == "s" and _OF_AGE.search(before):
        dimension, factor, end = "", Decimal(1), numeral.end  # the over-75s
    if symbol is not None and not (dimension and not is_money(dimension)):
        dimension = SYMBOLS[symbol[1]] if dimension in ("", "CNY") else dimension
        start = numeral.start - (len(before) - symbol.start())
    if dimension == "length" and _SPEED_BEFORE.search(before):
        dimension, factor = "speed", factor / 1000
    is_tenths = dimension == "tenth"
    if is_tenths:
        dimension = "percent"
    if dimension == "":
        counted = _counted(text, end)
        if numeral.in_words and not counted:
            return None
        dimension = "count"
    if rounding == "exact" and (roughly := _ROUGHLY_AFTER.match(text[end : end + 6])):
        rounding = {"以上": "over", "以下": "under"}.get(roughly[1], "about")  # type: ignore[assignment]
    if rounding == "exact" and _OR_SO.match(text, end):
        rounding = "about"
    sign = _SIGN.search(text[max(0, start - 3) : start])
    return Figure(
        (value + half) * factor,
        dimension,
        start,
        end,
        direction={"-": -1, "+": 1}[sign[1]] if sign else 0,
        rounding=rounding,
        step=_step(numeral, text) * factor,
        number=value + half,
        number_step=_step(numeral, text),
        counted=counted,
        in_words=numeral.in_words,
        is_fraction=is_tenths and numeral.in_words,
        as_millions=_as_millions(text, numeral, end, value, dimension),
    )


def _as_millions(
    text: str, numeral: Numeral, end: int, value: Decimal, dimension: str
) -> Decimal | None:
    is_m = dimension == "length" and text[numeral.end : end] == "m"
    return value * 1_000_000 if is_m else None


def _ordinal(numeral: Numeral, end: int, *counted: str) -> Figure:
    return Figure(
        numeral.value,
        "ordinal",
        numeral.start,
        end,
        number=numeral.value,
        counted=frozenset(counted),
        in_words=numeral.in_words,
    )


def _is_meant(numeral: Numeral, written: str) -> bool:
    """Return whether number words before these letters are a measure: "十分" is none."""
    if not numeral.in_words:
        return True
    letters = written.strip()
    return letters not in _IDIOMS or (numeral.value >= 10 and letters != "角")


def _step(numeral: Numeral, text: str) -> Decimal:
    """Return what the last written digit is worth: 10,000,000 in "120 million" written with 12."""
    written = text[numeral.start : numeral.end]
    digits = re.match(r"[\d,]+(?:\.\d+)?", written)
    if digits is None or not Decimal(digits.group().replace(",", "")):
        return Decimal(1)
    plain = digits.group().replace(",", "")
    scale = numeral.value / Decimal(plain)
    zeros = len(plain) - len(plain.rstrip("0"))
    if not numeral.decimals and zeros >= 3 and len(plain) - zeros >= 2:
        return scale * Decimal(10) ** zeros  # 86,000
    return scale / Decimal(10) ** numeral.decimals


def _counted(text: str, end: int) -> frozenset[str]:
    if of_so_many := _OF_SO_MANY.match(text, end):
        end = of_so_many.end()  # two of five gateways
    if english := _COUNTED.match(text, end):
        rest = dropwhile(_FURTHER.__contains__, re.split(r"[\s-]", english[1].casefold()))
        nouns = takewhile(lambda word: word not in STOP_WORDS, rest)
        return frozenset(map(stem, nouns))
    chinese = _COUNTED_IN_CHINESE.match(text, end)
    if chinese is None or not (chinese[1] or chinese[2]):
        return frozenset()
    noun = ""
    for character in chinese[2]:
        if character in STOP_CHARACTERS:
            break
        noun += character
    words = {noun[at : at + 2] for at in range(len(noun) - 1)} | (
        {noun} if len(noun) == 1 else set()
    )
    if chinese[1] and (not words or chinese[1] not in _GENERAL_CLASSIFIERS):
        words = words | {chinese[1]}
    return frozenset(words) if chinese[1] or not _is_number_idiom(text, end) else frozenset()


def _is_number_idiom(text: str, end: int) -> bool:
    """Return whether a Chinese numeral without a measure word is part of a word (统一, 三思)."""
    return end > 0 and text[end - 1] in "零〇一二三四五六七八九十百千万亿两"


def _ranges(text: str, found: list[Figure]) -> list[Figure]:
    """The first number of "10 to 20 km" has the unit of the second."""
    out = list(found)
    for at in range(len(out) - 1):
        first, second = out[at], out[at + 1]
        between = text[first.end : second.start]
        if between.strip() == "and" and not _OF_BOTH.search(
            text[max(0, first.start - 12) : first.start]
        ):
            continue
        if first.dimension == "count" and second.dimension != "count" and RANGE.fullmatch(between):
            factor = second.value / second.number if second.number else Decimal(1)
            out[at] = msgspec.structs.replace(
                first,
                dimension=second.dimension,
                value=first.value * factor,
                step=first.step * factor,
                counted=frozenset(),
                is_unit_borrowed=True,
            )
    return out


_OF_BOTH = re.compile(r"\b(?:between|both|from|of)\s$")
_BETWEEN = re.compile(r"[\s,]*(?:and|零)?\s*(?:a\s)?|")
_HOUR = 3600


def _as_minutes(text: str, hours: Figure, figure: Figure, seconds: int) -> Figure:
    """Return the 52 of 1小时52分 and the 50 of "1 h 50" as minutes, what follows minutes as
    seconds."""
    between = text[hours.end : figure.start]
    if figure.dimension != "count" or figure.value >= 60 or not _BETWEEN.fullmatch(between):
        return figure
    has_sign = text[figure.end : figure.end + 1] == "分"
    if (figure.counted and not has_sign) or (seconds == 1 and between.strip(" ,") != ""):
        return figure
    return msgspec.structs.replace(
        figure,
        dimension="time",
        value=figure.value * seconds,
        step=figure.step * seconds,
        end=figure.end + has_sign,
    )


def _durations(text: str, found: list[Figure]) -> Iterator[Figure]:
    """Hours and the minutes after them are one figure: 1小时52分, 2 hours and 5 minutes."""
    last: Figure | None = None
    for figure in found:
        if last is not None and last.dimension == "time" and last.step >= _HOUR / 60:
            figure = _as_minutes(text, last, figure, 60 if last.step >= _HOUR else 1)
        if (
            last is not None
            and last.dimension == figure.dimension == "time"
            and figure.step < last.step
            and _BETWEEN.fullmatch(text[last.end : figure.start])
            and (last.step <= _HOUR or "," not in text[last.end : figure.start])
        ):
            last = msgspec.structs.replace(
                last, value=last.value + figure.value, end=figure.end, step=figure.step
            )
            continue
        if last is not None:
            yield last
        last = figure
    if last is not None:
        yield last


def _scores(text: str, found: list[Figure]) -> Iterator[Figure]:
    at = 0
    while at < len(found):
        first = found[at]
        second = found[at + 1] if at + 1 < len(found) else None
        if (
            second is not None
            and first.dimension == second.dimension == "count"
            and max(first.value, second.value) <= _MAX_SCORE
            and not first.in_words
            and _SCORE.fullmatch(text[first.end : second.start])
            and not (second.counted and first.end + 1 == second.start and text[first.end] == "-")
        ):
            values = sorted((first.value, second.value))
            yield Figure(values[1], "score", first.start, second.end, other=values[0])
            at += 2
            continue
        yield first
        at += 1
