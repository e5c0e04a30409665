"""The figures of a text: what is counted or measured, how much, and whether it rose or fell."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import takewhile
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from studio.writing.facts.numerals import Numeral, numerals
from studio.writing.facts.units import SYMBOLS, is_money, unit_at

Rounding: TypeAlias = Literal["exact", "about", "over", "under"]


class Figure(Struct, frozen=True):
    """A number with what it counts: `text[start:end]` of the text that was read.

    `value` is in the base unit of the dimension and without sign; `direction` is 1 where the text
    says that something rose or is gained, -1 where it fell or is lost, 0 where it says neither.
    `counted` are the words after a count ("goals", "商店"); `other` is the second number
    of a score.
    """

    value: Decimal
    dimension: str
    start: int
    end: int
    direction: int = 0
    rounding: Rounding = "exact"
    step: Decimal = Decimal(1)
    """What one in the last written place is worth, in the base unit."""
    counted: frozenset[str] = frozenset()
    other: Decimal | None = None
    in_words: bool = False
    stems: frozenset[str] = frozenset()
    """What the words around it are about, without those that say its direction."""


_UP = (
    r"\b(?:ros?e|rises?|risen|rising|grew|grows?|grown|growth|growing|increas\w+|up|higher|gain\w*"
    r"|climb\w*|jump\w*|surg\w+|soar\w*|expand\w*|expansion|profits?|improv\w+|rebound\w*)\b"
    r"|增长|增加|增幅|上升|上涨|涨幅|提高|提升|上调|回升|反弹|扩大|盈利|净赚|同比增|环比增|增至|升至|涨了|增了|多了"
)
_DOWN = (
    r"\b(?:fell|falls?|fallen|falling|drop\w*|declin\w+|decreas\w+|down|lower\w*|shr[aiu]nk\w*"
    r"|shrinking|loss(?:es)?|lost|slip\w*|slump\w*|cut(?:s|ting)?|reduc\w+|plung\w+|contract(?:ed"
    r"|ion)|dip\w*|sank|negative|minus)\b"
    r"|下降|下跌|下滑|跌幅|降幅|降低|减少|减幅|缩减|回落|萎缩|亏损|净亏|下调|同比降|环比降|降至|跌至|负增长|跌了|降了|少了"
)
_DIRECTIONS = re.compile(f"(?P<up>{_UP})|(?P<down>{_DOWN})", re.IGNORECASE)
_SUBJECTS = re.compile(r"profits?|loss(?:es)?|盈利|亏损", re.IGNORECASE)
"""Words that say a direction and are also what a figure is about."""
_NEITHER = re.compile(
    r"\b(?:up\sto|more\sthan|less\sthan|lower\sthan|higher\sthan|net\sprofits?|gross\sprofits?"
    r"|operating\sprofits?|profits?\s(?:margin|of|and|was|is|at|to|before|after)|the\sprofits?"
    r"|make\sup|made\sup|set\sup|sign\w*\sup|up\sfrom\sbelow|growth\s(?:fund|stock|stage))\b",
    re.IGNORECASE,
)
_IDIOMS = frozenset("角度里块米成周smghx")
"""Units that after number words are mostly something else: 一角, 一度, 十里, 五成."""
_CLAUSE = re.compile(
    r"[。；;！？!?\n，,、]|(?<=[a-z\d%)])\.(?=\s|$)|\b(?:while|but|whereas|and)\b|但|而|与此同时"
)

_CLAUSE_LENGTH = 160
_SENTENCE = re.compile(r"[。；;！？!?\n]|(?<=[a-z\d%)])\.(?=\s|$)")

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
_SIGN = re.compile(r"(?:^|[\s(:,;、。，；：（\u4e00-\u9fff])([-+])[$¥€£]?$")
_SYMBOL = re.compile(r"(US\$|HK\$|[$¥€£]|RMB|CNY|USD|EUR|人民币)\s?$")
_PERCENT_BEFORE = re.compile(r"百分之\s?$")
_ORDINAL_BEFORE = re.compile(r"第\s?$")
_PLACE_IN_CHINESE = re.compile(r"\s?(名|位|届|轮|分钟|期|次|场|局|周|天|层|号|排)")
_ORDINAL_AFTER = re.compile(r"(?:st|nd|rd|th)\b")
_MORE_AFTER = re.compile(r"\s?(?:多|余|几)(?=[\u4e00-\u9fff])")
_ROUGHLY_AFTER = re.compile(r"[\u4e00-\u9fff]{0,2}(左右|上下|以上|以下)")
_COUNTED = re.compile(r"[\s-]+((?:[A-Za-z][a-z'’]+)(?:[\s-](?:[A-Za-z][a-z'’]+)){0,2})")
_CLASSIFIER = (
    "个名位家件条项场次种台辆只份间座所部套支篇本张款粒颗枚组批门户架艘双对届期节堂课页字分题道"
)
_CLASSIFIER += "瓶箱袋杯盒栋层区"
_COUNTED_IN_CHINESE = re.compile(rf"\s?([{_CLASSIFIER}人]?)([\u4e00-\u9fff]{{0,4}})")
_STOP_WORDS = frozenset(
    (
        "a an the of in on at to for from by with and or but as is are was were be been has have"
        " had will would this that these those its their his her our your it they we you he she"
        " than into over after before about more most some all per each year years month months"
        " day days last first next new percent per cent million billion thousand"
    ).split()
)
_STOP_CHARACTERS = frozenset(
    "的了在是和与及为将有被把从到对于以而也都已其这那该同比环比年月日元亿万个"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'’]{2,}")
_CHINESE_RUN = re.compile(r"[\u4e00-\u9fff]+")
_RANGE = re.compile(r"\s?(?:-|~|至|到|to|and|和)\s?")
_SCORE = re.compile(r"\s?[-:比]\s?")
_MAX_SCORE = 200


def figures(text: str, taken: Iterable[tuple[int, int]] = ()) -> tuple[Figure, ...]:
    """Return the figures of a text that went through `plain_digits`, in order.

    `taken` are parts that were read as something else: dates, addresses, codes.
    """
    free = _without(list(numerals(text)), list(taken), len(text))
    found = list(_measured(text, free))
    joined = list(_scores(text, _ranges(text, found)))
    return tuple(_in_context(text, joined))


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
        place = _PLACE_IN_CHINESE.match(text, end)
        return _ordinal(numeral, end, place[1]) if place else None
    if suffix := _ORDINAL_AFTER.match(text, end):
        return _ordinal(numeral, suffix.end(), *_counted(text, suffix.end()))
    dimension, factor, counted = "", Decimal(1), frozenset[str]()
    rounding = _rounding(before)
    if more := _MORE_AFTER.match(text, end):
        rounding, end = "over", more.end()
    symbol = _SYMBOL.search(before)
    unit = unit_at(text, end)
    if _PERCENT_BEFORE.search(before):
        dimension, start = "percent", numeral.start - len("百分之")
    elif unit is not None and _is_meant(numeral, text[end : unit[1]]):
        dimension, factor, end = unit[0].dimension, unit[0].factor, unit[1]
    if symbol is not None and not (dimension and not is_money(dimension)):
        dimension = dimension or SYMBOLS[symbol[1]]
        start = numeral.start - (len(before) - symbol.start())
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
        abs(numeral.value) * factor,
        dimension,
        start,
        end,
        direction={"-": -1, "+": 1}[sign[1]] if sign else 0,
        rounding=rounding,
        step=_step(numeral, text) * factor,
        counted=counted,
        in_words=numeral.in_words,
    )


def _ordinal(numeral: Numeral, end: int, *counted: str) -> Figure:
    return Figure(
        numeral.value,
        "ordinal",
        numeral.start,
        end,
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
    scale = numeral.value / Decimal(digits.group().replace(",", ""))
    return scale / Decimal(10) ** numeral.decimals


def _counted(text: str, end: int) -> frozenset[str]:
    if english := _COUNTED.match(text, end):
        nouns = takewhile(
            lambda word: word not in _STOP_WORDS, re.split(r"[\s-]", english[1].casefold())
        )
        return frozenset(map(stem, nouns))
    chinese = _COUNTED_IN_CHINESE.match(text, end)
    if chinese is None or not (chinese[1] or chinese[2]):
        return frozenset()
    noun = ""
    for character in chinese[2]:
        if character in _STOP_CHARACTERS:
            break
        noun += character
    words = {noun[at : at + 2] for at in range(len(noun) - 1)} | (
        {noun} if len(noun) == 1 else set()
    )
    if chinese[1] and not words:
        words = {chinese[1]}
    return frozenset(words) if chinese[1] or not _is_number_idiom(text, end) else frozenset()


def _is_number_idiom(text: str, end: int) -> bool:
    """Return whether a Chinese numeral without a measure word is part of a word (统一, 三思)."""
    return end > 0 and text[end - 1] in "零〇一二三四五六七八九十百千万亿两"


def stem(word: str) -> str:
    """Return an English word without its commonest endings, so that goal and goals are one."""
    for ending, least in (("ies", 2), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


def _ranges(text: str, found: list[Figure]) -> list[Figure]:
    """The first number of "10 to 20 km" has the unit of the second."""
    out = list(found)
    for at in range(len(out) - 1):
        first, second = out[at], out[at + 1]
        between = text[first.end : second.start]
        if first.dimension == "count" and second.dimension != "count" and _RANGE.fullmatch(between):
            unit = unit_at(text, _numeral_end(text, second))
            factor = unit[0].factor if unit else Decimal(1)
            out[at] = msgspec.structs.replace(
                first,
                dimension=second.dimension,
                value=first.value * factor,
                step=first.step * factor,
                counted=frozenset(),
            )
    return out


def _numeral_end(text: str, figure: Figure) -> int:
    inside = list(numerals(text[figure.start : figure.end]))
    return figure.start + inside[-1].end if inside else figure.end


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
        ):
            values = sorted((first.value, second.value))
            yield Figure(values[1], "score", first.start, second.end, other=values[0])
            at += 2
            continue
        yield first
        at += 1


def _in_context(text: str, found: list[Figure]) -> Iterator[Figure]:
    """Give each figure its direction and what the words of its clause are about."""
    cuts = [0, *(match.end() for match in _CLAUSE.finditer(text)), len(text)]
    sentences = [0, *(match.end() for match in _SENTENCE.finditer(text))]
    last: tuple[int, frozenset[str]] = (-1, frozenset())
    for at, figure in enumerate(found):
        clause_start = max(
            cuts[bisect_right(cuts, figure.start) - 1], figure.start - _CLAUSE_LENGTH
        )
        clause_end = min(cuts[bisect_left(cuts, figure.end)], figure.end + _CLAUSE_LENGTH)
        previous = found[at - 1].end if at else 0
        following = found[at + 1].start if at + 1 < len(found) else len(text)
        after = text[figure.end : min(clause_end, following)]
        near = text[max(clause_start, previous) : figure.start] + " | " + after
        about = stems(text[clause_start : figure.start] + " | " + after)
        sentence_start = bisect_right(sentences, figure.start)
        if not about and last[0] == sentence_start:
            about = last[1]
        last = (sentence_start, about)
        direction = figure.direction or _direction(_NEITHER.sub(" ", near))
        yield msgspec.structs.replace(figure, direction=direction, stems=about)


def _direction(around: str) -> int:
    ups = downs = 0
    for match in _DIRECTIONS.finditer(around):
        if match["up"]:
            ups += 1
        else:
            downs += 1
    return 1 if ups and not downs else -1 if downs and not ups else 0


def stems(text: str) -> frozenset[str]:
    """Return what the words of a text are about, without those that say up or down."""
    plain = _DIRECTIONS.sub(
        lambda match: match.group() if _SUBJECTS.fullmatch(match.group()) else " ", text
    )
    english = {
        stem(word) for word in map(str.casefold, _WORD.findall(plain)) if word not in _STOP_WORDS
    }
    chinese = set()
    for run in _CHINESE_RUN.findall(plain):
        for at in range(len(run) - 1):
            if not _STOP_CHARACTERS & set(run[at : at + 2]):
                chinese.add(run[at : at + 2])
    return frozenset(english | chinese)
