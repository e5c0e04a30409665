"""The figures of a text: what is counted or measured, how much, and whether it rose or fell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import dropwhile, takewhile

import msgspec

from studio.writing.facts.figure import Figure, Rounding
from studio.writing.facts.figure_context import STOP_CHARACTERS, STOP_WORDS, in_context, stem
from studio.writing.facts.numerals import Numeral, chinese_value, numerals
from studio.writing.facts.units import SYMBOLS, is_money, unit_at

_IDIOMS = frozenset("角度里块米成smghx")
"""Units that after number words are mostly something else: 一角, 一度, 十里, 五成."""
_ABOUT = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|close\sto|circa)\s"
    r"|约|大约|约为|大概|近|将近|接近|差不多)[$¥€£]?\s?$",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"(?:\b(?:over|more\sthan|at\sleast|above|exceed(?:s|ed|ing)?|upwards\sof|no\sless\sthan)\s"
    r"|超过|超|逾|突破|高于|多于|至少|不少于|不低于)[$¥€£]?\s?$",
    re.IGNORECASE,
)
_UNDER = re.compile(
    r"(?:\b(?:under|less\sthan|below|at\smost|fewer\sthan|up\sto|no\smore\sthan)\s"
    r"|不到|不足|低于|少于|最多|至多|不超过)[$¥€£]?\s?$",
    re.IGNORECASE,
)
_FURTHER = frozenset("new more other extra additional further".split())
_SPEED_BEFORE = re.compile(r"(?:时速|每小时)[^，。,；\d]{0,4}$")
_SIGN = re.compile(r"(?:^|[\s(:,;、。，；：（\u4e00-\u9fff])([-+])[$¥€£]?$")
_SYMBOL = re.compile(
    r"(US\$|HK\$|A\$|C\$|[$¥€£]|RMB|CNY|USD|EUR|GBP|CHF|AUD|CAD|HKD|JPY|人民币|港币|美元|美金|欧元|英镑|日元|韩元)\s?$"
)
_PERCENT_BEFORE = re.compile(r"百分之\s?$")
_ORDINAL_BEFORE = re.compile(r"第\s?$")
_PLACE_IN_CHINESE = re.compile(r"\s?(名|位|届|轮|分钟|期|次|场|局|周|天|层|号|排)")
_TO_PLACE = re.compile(
    r"\s?(?:-|~|至|到)\s?第?\s?\d+\s?(名|位|届|轮|分钟|期|次|场|局|周|天|层|号|排)"
)
_ORDINAL_AFTER = re.compile(r"(?:st|nd|rd|th)\b")
_MORE_AFTER = re.compile(r"\s?(?:多|余)(?![少])|几(?=[\u4e00-\u9fff])")
_ROUGHLY_AFTER = re.compile(r"[\u4e00-\u9fff]{0,2}(左右|上下|以上|以下)")
_COUNTED = re.compile(r"[\s-]+((?:[A-Za-z][a-z'’]+)(?:[\s-](?:[A-Za-z][a-z'’]+)){0,2})")
_CLASSIFIER = (
    "个名位家件条项场次种台辆只份间座所部套支篇本张款粒颗枚组批门户架艘双对届期节堂课页字分题道"
)
_CLASSIFIER += "连瓶箱袋杯盒栋层区勺匙碗块"
_GENERAL_CLASSIFIERS = frozenset("个名位项次种家条场人")
_COUNTED_IN_CHINESE = re.compile(rf"\s?([{_CLASSIFIER}人]?)([\u4e00-\u9fff]{{0,4}})")
_AND_A_HALF = re.compile("半(?![小个年天])")
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
    (re.compile(r"(?<![\d分.])(\d{1,2})秒(\d{2})(?!\d)"), (1, 0.01)),
)
_SPOKEN_MONEY = re.compile(
    r"(?<![\d.])(\d{1,6}|[一二两三四五六七八九十])(块|毛)([\d一二三四五六七八九])(?![\d.个家名位种只])"
)
RANGE = re.compile(r"\s?(?:-|~|至|到|to|and|和)\s?")
_SCORE = re.compile(r"\s?[-:比]\s?")
_MAX_SCORE = 200


def figures(text: str, taken: Iterable[tuple[int, int]] = ()) -> tuple[Figure, ...]:
    """Return the figures of a text that went through `plain_digits`, in order.

    `taken` are parts that were read as something else: dates, addresses, codes.
    """
    spoken = [*_clocked(text), *_spoken_money(text)]
    free = _without(
        list(numerals(text)), [*taken, *((one.start, one.end) for one in spoken)], len(text)
    )
    found = [*_measured(text, free), *spoken]
    found.sort(key=lambda figure: figure.start)
    joined = list(_scores(text, list(_durations(text, _ranges(text, found)))))
    return tuple(in_context(text, joined))


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
    rounding = _rounding(before)
    if more := _MORE_AFTER.match(text, end):
        rounding, end = "over", more.end()
    value, half = numeral.value, Decimal(0)
    if text[end : end + 2] == "个半":
        value, end = value + Decimal("0.5"), end + 2
    symbol = _SYMBOL.search(before)
    unit = unit_at(text, end)
    if _PERCENT_BEFORE.search(before):
        dimension, start = "percent", numeral.start - len("百分之")
    elif unit is not None and _is_meant(numeral, text[end : unit[1]]):
        dimension, factor, end = unit[0].dimension, unit[0].factor, unit[1]
    if dimension in ("time", "month", "mass") and _AND_A_HALF.match(text, end):
        half, end = Decimal("0.5"), end + 1
    if dimension and (more := _MORE_AFTER.match(text, end)):
        rounding, end = "over", more.end()
    if symbol is not None and not (dimension and not is_money(dimension)):
        dimension = SYMBOLS[symbol[1]] if dimension in ("", "CNY") else dimension
        start = numeral.start - (len(before) - symbol.start())
    if dimension == "length" and _SPEED_BEFORE.search(before):
        dimension, factor = "speed", factor / 1000
    if dimension == "tenth":
        dimension = "percent"
    if dimension == "":
        counted = _counted(text, end)
        if numeral.in_words and not counted:
            return None
        dimension = "count"
    if rounding == "exact" and (roughly := _ROUGHLY_AFTER.match(text[end : end + 6])):
        rounding = {"以上": "over", "以下": "under"}.get(roughly[1], "about")  # type: ignore[assignment]
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


def _rounding(before: str) -> Rounding:
    if _ABOUT.search(before):
        return "about"
    if _UNDER.search(before):
        return "under"
    return "over" if _OVER.search(before) else "exact"


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


_BETWEEN = re.compile(r"[\s,]*(?:and|零)?\s*(?:a\s)?|")
_HOUR = 3600


def _as_minutes(text: str, hours: Figure, figure: Figure) -> Figure:
    """Return the 52 of 1小时52分 and the 50 of "1 h 50" as minutes."""
    between = text[hours.end : figure.start]
    if figure.dimension != "count" or figure.value >= 60 or not _BETWEEN.fullmatch(between):
        return figure
    has_sign = text[figure.end : figure.end + 1] == "分"
    if figure.counted and not has_sign:
        return figure
    return msgspec.structs.replace(
        figure,
        dimension="time",
        value=figure.value * 60,
        step=figure.step * 60,
        end=figure.end + has_sign,
    )


def _durations(text: str, found: list[Figure]) -> Iterator[Figure]:
    """Hours and the minutes after them are one figure: 1小时52分, 2 hours and 5 minutes."""
    last: Figure | None = None
    for figure in found:
        if last is not None and last.dimension == "time" and last.step >= _HOUR:
            figure = _as_minutes(text, last, figure)
        if (
            last is not None
            and last.dimension == figure.dimension == "time"
            and figure.step < last.step
            and _BETWEEN.fullmatch(text[last.end : figure.start])
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
