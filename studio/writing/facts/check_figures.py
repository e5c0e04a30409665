"""Compare the figures of a text with those of its brief."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from studio.protocol import Sentence, sentence
from studio.writing.facts.derived_figures import is_derived
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.figure_comparison import (
    contradicts,
    is_judged,
    same_thing,
    same_value,
)
from studio.writing.facts.figure_context import STOP_WORDS, period_span
from studio.writing.facts.findings import Finding, FindingKind
from studio.writing.facts.misplaced_figures import of_something_else
from studio.writing.facts.numerals import plain_digits
from studio.writing.facts.units import is_money

_MOST_WORKED_OUT = 60
"""For so many figures of a text it is looked whether they follow from those of the brief."""


def check_figures(given: Facts, written: Facts) -> list[Finding]:
    findings = []
    pool = list(given.figures)
    said = [(one.dimension, one.value) for one in written.figures]
    unsaid = [one for one in given.figures if (one.dimension, one.value) not in said]
    tries = iter(range(_MOST_WORKED_OUT))
    for figure in written.figures:
        finding = _check_figure(figure, given, written, tuple(pool), unsaid, tries)
        if finding is not None:
            findings.append(finding)
        elif (figure.dimension, figure.value) not in [(one.dimension, one.value) for one in pool]:
            pool.append(figure)
    return findings


def _check_figure(
    figure: Figure,
    given: Facts,
    written: Facts,
    pool: tuple[Figure, ...],
    unsaid: list[Figure],
    tries: Iterator[int],
) -> Finding | None:
    said = written.text[figure.start : figure.end]
    figure = _in_money(figure, given.figures)
    may_be_millions = figure.is_bare or is_money(figure.dimension)
    if may_be_millions and any(one.as_millions == figure.value for one in given.figures):
        return None
    if _is_in_code(figure, given, said):
        return None
    alike = [other for other in given.figures if same_thing(figure, other)]
    equal = [other for other in alike if same_value(figure, other)]
    if figure.in_words and not is_judged(figure, alike):
        return None
    if not equal and (_is_verbatim(figure, given, written) or _is_year(figure, given)):
        return None
    if figure.dimension == "ordinal" and re.search(f"第({said}|{figure.number})", given.text):
        return None
    if _is_part_of_score(figure, given.figures):
        return None
    equal = [one for one in equal if one.dimension == figure.dimension] or equal
    if equal:
        if all(contradicts(figure, other) for other in equal):
            around = _around(given.text, equal[0])
            fell = sentence("The brief says that it fell: “{brief}”.", brief=around)
            rose = sentence("The brief says that it rose: “{brief}”.", brief=around)
            message = fell if equal[0].direction < 0 else rose
            start, end = figure.direction_at or (figure.start, figure.end)
            start, end = min(start, figure.start), max(end, figure.end)
            return Finding("direction_changed", written.text[start:end], message, start, end)
        if _is_said_alike(figure, given.text, written.text):
            return None
        if _counts_others(figure, equal, given.text, written.text):
            message = sentence("The brief says “{brief}”.", brief=_around(given.text, equal[0]))
            end = figure.end + 1
            said = written.text[figure.start : end]
            return Finding("unit_changed", said, message, figure.start, end)
        if figure.period and all(one.period not in ("", figure.period) for one in equal):
            message = sentence("The brief says “{brief}”.", brief=_around(given.text, equal[0]))
            start, end = period_span(written.text, figure)
            return Finding("unit_changed", written.text[start:end], message, start, end)
        other = of_something_else(figure, equal, alike, written)
        if other is None:
            return None
        return _finding(
            "figure_changed",
            figure,
            said,
            sentence("The brief says “{brief}” of this.", brief=_around(given.text, other)),
        )
    if _is_said_alike(figure, given.text, written.text):
        return None
    if next(tries, None) is not None and is_derived(figure, pool, given, written, unsaid):
        return None
    if _has_digits(figure, given, written):
        return None
    if figure.is_unit_borrowed and any(one.number == figure.number for one in given.figures):
        return None  # What is wrong with the unit is said of the second figure.
    for other in given.figures:
        if not other.is_bare and _same_number(figure, other, given, written):
            return _finding(
                "unit_changed",
                figure,
                said,
                sentence(
                    "The brief has another unit: “{brief}”.",
                    brief=given.text[other.start : other.end],
                ),
            )
    nearest = _nearest(figure, alike)
    if nearest is not None:
        return _finding(
            "figure_changed",
            figure,
            said,
            sentence("The brief says “{brief}”.", brief=_around(given.text, nearest)),
        )
    return _finding("figure_new", figure, said, sentence("The brief does not have this figure."))


_NAME_BEFORE = re.compile(r"([A-Z][\w&'’-]*\s)$")


def _is_said_alike(figure: Figure, brief: str, draft: str) -> bool:
    """Return whether the brief has the same figure after the same name: S&P 500."""
    before = _NAME_BEFORE.search(draft[max(0, figure.start - 24) : figure.start])
    if before is None or before[1].strip().casefold() in STOP_WORDS:
        return False
    said = before[1].casefold() + draft[figure.start : figure.end].casefold()
    at = brief.casefold().find(said)
    return at >= 0 and not re.match(r"[.,]?\d", brief[at + len(said) :])


def _has_digits(figure: Figure, given: Facts, written: Facts) -> bool:
    """Return whether the brief has these digits, and one of both leaves out the unit: 12.8 of
    "12.8 million tonnes"."""
    mine = _digits(written.text[figure.start : figure.end])
    return len(mine.replace(".", "").strip("0")) > 2 and any(
        mine == _digits(given.text[one.start : one.end])
        for one in given.figures
        if one.is_bare or figure.is_bare
    )


@lru_cache(maxsize=2048)
def _digits(written: str) -> str:
    return re.sub(r"[^\d.]", "", plain_digits(written))


def _counts_others(figure: Figure, equal: list[Figure], brief: str, draft: str) -> bool:
    """Return whether measure words say that other things are counted: 140人 for 140户."""
    mine = _measure_word(figure, draft)
    if not mine:
        return False
    theirs = [_measure_word(one, brief) for one in equal if one.dimension == figure.dimension]
    return bool(theirs) and all(word not in ("", mine) for word in theirs)


def _measure_word(figure: Figure, text: str) -> str:
    after = text[figure.end : figure.end + 1] if figure.is_bare else ""
    if after in ("人", "名", "位"):
        return "人"
    return after if after and after in "户次辆只页株棵" else ""


def _is_in_code(figure: Figure, given: Facts, said: str) -> bool:
    """Return whether a number of two digits or more stands in a code of the brief: 31 of
    "J31-33", 12 of "Under-12"."""
    digits = "".join(re.findall(r"\d", said))
    if not digits or str(figure.number) != digits:
        return False
    is_part = figure.is_bare or figure.dimension == "age"
    if len(digits) > 1 and is_part:
        return any(digits in re.findall(r"\d+", code.text) for code in given.codes)
    return False


def _is_verbatim(figure: Figure, given: Facts, written: Facts) -> bool:
    """Return whether the brief has a bare number with what follows it, read as something else:
    19 of 19号, 2 of 二班."""
    after = written.text[figure.end : figure.end + 2].lstrip(")）").strip()[:1]
    if not figure.is_bare or not "\u4e00" <= after <= "\u9fff":
        return False
    said = written.text[figure.start : figure.end]
    ways = [rf"(?<![\d.,]){re.escape(said)}"]
    if figure.number == int(figure.number) and 0 < figure.number < len(_CHINESE_NUMBERS):
        ways.append(f"(?<![一二三四五六七八九十]){_CHINESE_NUMBERS[int(figure.number)]}")
    return bool(re.search(f"(?:{'|'.join(ways)}){after}", given.text))


_CHINESE_NUMBERS = "零一二三四五六七八九十"


def _is_year(figure: Figure, given: Facts) -> bool:
    return figure.is_bare and any(one.year == figure.value for one in given.moments)


def _is_part_of_score(figure: Figure, given: tuple[Figure, ...]) -> bool:
    """Return whether the brief has the number in a score, or both numbers of a score apart."""
    if figure.is_bare:
        return any(
            one.other is not None and figure.value in (one.value, one.other) for one in given
        )
    scores = [one for one in given if one.other is not None]
    if figure.dimension == "time" and any(
        figure.number in (one.value, one.other) for one in scores
    ):
        return True  # the first 30 days: "days 1-30"
    return figure.other is not None and {figure.value, figure.other} <= {
        one.value for one in given if one.is_bare
    }


def _in_money(figure: Figure, given: tuple[Figure, ...]) -> Figure:
    """Pounds are money where the brief speaks of money, and a weight elsewhere."""
    if figure.dimension == "USD" and figure.step < 1 and figure.number != figure.value:
        money = [one.dimension for one in given if is_money(one.dimension)]
        if money and "USD" not in money:
            return replace(figure, dimension=money[0])  # cents of another currency
    if figure.dimension != "pound":
        return figure
    if any(other.dimension in ("GBP", "pound") for other in given):
        return replace(figure, dimension="GBP")
    grams = Decimal("453.59237")
    return replace(figure, dimension="mass", value=figure.value * grams, step=figure.step * grams)


def _same_number(figure: Figure, other: Figure, given: Facts, written: Facts) -> bool:
    """Return whether the same digits are written with another unit: 5 kg and 5 g."""
    if {figure.dimension, other.dimension} & {"score"}:
        return False
    mine = _digits(written.text[figure.start : figure.end])
    theirs = _digits(given.text[other.start : other.end])
    if not mine or mine != theirs:
        return False
    if "count" in (figure.dimension, other.dimension) and not (figure.counted or other.counted):
        return False
    return bool(figure.stems & other.stems) or is_money(figure.dimension) == is_money(
        other.dimension
    )


def _nearest(figure: Figure, alike: list[Figure]) -> Figure | None:
    if not alike:
        return None
    return max(
        alike,
        key=lambda other: (
            len(figure.counted & other.counted) + len(figure.stems & other.stems),
            -abs(float(other.value - figure.value)),
        ),
    )


def _finding(kind: FindingKind, figure: Figure, said: str, message: Sentence) -> Finding:
    return Finding(kind, said, message, figure.start, figure.end)


_AROUND = 12


def _around(text: str, figure: Figure) -> str:
    """Return a figure of the brief with a few words around it."""
    start = max(0, figure.start - _AROUND)
    end = min(len(text), figure.end + _AROUND)
    cut = text[start:end]
    if start and " " in cut[: figure.start - start]:
        cut = cut[cut.index(" ") + 1 :]
    if end < len(text) and " " in cut[-_AROUND:]:
        cut = cut[: cut.rindex(" ")]
    return " ".join(cut.split())
