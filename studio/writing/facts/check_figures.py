"""Compare the figures of a text with those of its brief."""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec.structs import replace

from studio.protocol import Sentence, sentence
from studio.writing.facts.derived_figures import CONVERTED, is_derived
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.figure_context import STOP_WORDS, period_span
from studio.writing.facts.findings import Finding, FindingKind
from studio.writing.facts.numerals import plain_digits
from studio.writing.facts.units import is_money

_FAR = 50
"""Nobody takes a figure for another that is so many times as large."""
_DAY = 86400
_MARGIN = Decimal("0.05")
"""By how much "about" and "more than" may be off."""


def check_figures(given: Facts, written: Facts) -> list[Finding]:
    findings = []
    for figure in written.figures:
        finding = _check_figure(figure, given, written)
        if finding is not None:
            findings.append(finding)
    return findings


def _check_figure(figure: Figure, given: Facts, written: Facts) -> Finding | None:
    said = written.text[figure.start : figure.end]
    figure = _in_money(figure, given.figures)
    may_be_millions = figure.is_bare or is_money(figure.dimension)
    if may_be_millions and any(one.as_millions == figure.value for one in given.figures):
        return None
    if _is_in_code(figure, given, said):
        return None
    alike = [other for other in given.figures if _same_thing(figure, other)]
    equal = [other for other in alike if _same_value(figure, other)]
    if figure.in_words and not _is_judged(figure, alike):
        return None
    if figure.dimension == "ordinal" and re.search(f"第({said}|{figure.number})", given.text):
        return None
    if _is_part_of_score(figure, given.figures):
        return None
    equal = [one for one in equal if one.dimension == figure.dimension] or equal
    if equal:
        if all(_contradicts(figure, other) for other in equal):
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
        other = _of_something_else(figure, equal, alike, written)
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
    if is_derived(figure, given, written.text) or _has_digits(figure, given, written):
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


def _digits(written: str) -> str:
    return re.sub(r"[^\d.]", "", plain_digits(written))


def _counts_others(figure: Figure, equal: list[Figure], brief: str, draft: str) -> bool:
    """Return whether measure words say that other things are counted: 140人 for 140户."""
    mine = _measure_word(figure, draft)
    theirs = [_measure_word(one, brief) for one in equal if one.dimension == figure.dimension]
    return bool(mine and theirs) and all(word not in ("", mine) for word in theirs)


def _measure_word(figure: Figure, text: str) -> str:
    after = text[figure.end : figure.end + 1] if figure.is_bare else ""
    if after in ("人", "名", "位"):
        return "人"
    return after if after and after in "户次辆只页株棵" else ""


def _is_in_code(figure: Figure, given: Facts, said: str) -> bool:
    """Return whether a bare number of two digits or more stands in a code of the brief: 31 of
    "J31-33"."""
    if not (figure.is_bare and said.isdigit() and len(said) > 1):
        return False
    return any(said in re.findall(r"\d+", code.text) for code in given.codes)


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


def _contradicts(figure: Figure, other: Figure) -> bool:
    if {figure.dimension, other.dimension} <= {"temperature", "degree"} and -1 in (
        figure.direction,
        other.direction,
    ):
        return figure.direction != other.direction
    return figure.direction * other.direction < 0


def _in_money(figure: Figure, given: tuple[Figure, ...]) -> Figure:
    """Pounds are money where the brief speaks of money, and a weight elsewhere."""
    if figure.dimension != "pound":
        return figure
    if any(other.dimension in ("GBP", "pound") for other in given):
        return replace(figure, dimension="GBP")
    grams = Decimal("453.59237")
    return replace(figure, dimension="mass", value=figure.value * grams, step=figure.step * grams)


def _is_judged(figure: Figure, alike: list[Figure]) -> bool:
    """Small numbers in words are often no fact ("one of the best"): these are compared only with
    a figure of the same thing."""
    is_one_day = figure.dimension == "time" and figure.number == 1 and figure.step >= _DAY
    same_measure = any(other.dimension == figure.dimension for other in alike)
    is_open = figure.rounding == "over" and not (figure.dimension == "time" and same_measure)
    if figure.value == 1 or is_one_day or is_open:
        return False
    same = [other for other in alike if other.dimension == figure.dimension]
    if figure.dimension == "count" and figure.value <= 12:
        return any(figure.counted & other.counted for other in same)
    return figure.dimension not in ("discount", "time", "month", "fold", "length") or bool(same)


def _same_thing(figure: Figure, other: Figure) -> bool:
    dimensions = {figure.dimension, other.dimension}
    if "ordinal" in dimensions:
        return dimensions <= {"ordinal", "count", "time"}
    if figure.is_bare != other.is_bare:
        return "score" not in dimensions  # "price: 680", "43-53 cm"
    if dimensions in ({"pound", "GBP"}, {"degree", "temperature"}):
        return True
    if dimensions == {"age", "month"}:
        return _in_years(figure) == _in_years(other)
    return figure.dimension == other.dimension


def _in_years(figure: Figure) -> Decimal:
    return figure.value / 12 if figure.dimension == "month" else figure.value


def _same_value(figure: Figure, other: Figure) -> bool:
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
    is_measured = figure.dimension not in ("count", "score", "ordinal")
    if is_measured and abs(figure.value - other.value) <= other.value * CONVERTED:
        return True
    is_rounded = abs(figure.value - other.value) <= figure.step / 2
    margin = max(figure.step, other.value * _MARGIN)
    if figure.rounding == "about" or other.rounding == "about":
        return is_rounded or abs(figure.value - other.value) <= other.value * _MARGIN
    if figure.rounding == "over":
        return 0 <= other.value - figure.value <= margin
    if figure.rounding == "under":
        return 0 <= figure.value - other.value <= margin
    has_two_digits = figure.step > 0 and figure.value / figure.step >= 10
    is_round = figure.step > 1 if figure.dimension == "count" else True
    return is_rounded and has_two_digits and is_round and figure.dimension != "percent"


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


def _of_something_else(
    figure: Figure, equal: list[Figure], alike: list[Figure], written: Facts
) -> Figure | None:
    """Return the figure of the brief for what the draft speaks of, if the equal one is of another
    thing: revenue's 12 % said of the profit."""
    is_small_word = figure.in_words and figure.number <= 12 and _is_english(figure, written)
    if figure.dimension == "score" or is_small_word:
        return None
    meant = _meant_instead(figure, equal, alike)
    if not meant or any(_is_beside(other, figure, written) for other in meant):
        return None
    return meant[0]


def _is_english(figure: Figure, facts: Facts) -> bool:
    return facts.text[figure.start : figure.start + 1].isascii()


def _is_beside(other: Figure, figure: Figure, written: Facts) -> bool:
    """Return whether the draft has the other figure in the same clause, so that both are said."""
    return any(
        one.clause == figure.clause and _same_thing(one, other) and _same_value(one, other)
        for one in written.figures
    )


def _meant_instead(figure: Figure, equal: list[Figure], alike: list[Figure]) -> list[Figure]:
    others = [one for one in alike if one.dimension == equal[0].dimension]
    others = [one for one in others if all(one.value != same.value for same in equal)]
    others = [one for one in others if not (one.in_words and one.value == 1)]
    if any(figure.counted & one.counted for one in equal):
        others = [one for one in others if figure.counted & one.counted]
    if not any(figure.label & one.label for one in equal) and all(one.label for one in equal):
        labelled = [one for one in others if figure.label & one.label]
        if labelled:
            return labelled
    clauses = {one.clause for one in equal}
    apart = [one for one in others if one.clause not in clauses]
    shared = frozenset[str]().union(*(one.stems for one in apart))
    own = [one.stems - shared for one in equal]
    if not all(own) or any(figure.stems & words for words in own):
        return []
    of_equal = frozenset[str]().union(*(one.stems for one in equal))
    apart = [one for one in apart if one.as_millions is None or one.number % 1 == 0]
    apart = [one for one in apart if figure.value / _FAR < one.value < figure.value * _FAR]
    return [one for one in apart if (one.stems - of_equal) & figure.stems]


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
