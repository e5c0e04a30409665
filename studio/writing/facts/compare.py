"""Compare the facts of a brief with those of a text written from it."""

from __future__ import annotations

import re
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.protocol import Sentence, sentence
from studio.writing.facts import names
from studio.writing.facts.dates import FIELDS, Moment, agree, moments
from studio.writing.facts.figures import Figure, figures
from studio.writing.facts.names import Name
from studio.writing.facts.numerals import plain_digits
from studio.writing.facts.units import is_money

FindingKind: TypeAlias = Literal[
    "figure_changed",
    "figure_new",
    "direction_changed",
    "unit_changed",
    "date_changed",
    "date_new",
    "name_changed",
    "name_new",
]


class Finding(Struct, frozen=True):
    """What differs from the brief: `text` is what the draft says at `[start:end]`."""

    kind: FindingKind
    text: str
    message: Sentence
    start: int
    end: int


class FactCheck(Struct, frozen=True):
    """What was found, in the order of the draft, and what could not be judged."""

    findings: tuple[Finding, ...]
    not_judged: tuple[Sentence, ...]


class _Facts(Struct, frozen=True):
    text: str
    figures: tuple[Figure, ...]
    moments: tuple[Moment, ...]
    names: tuple[Name, ...]
    codes: tuple[Name, ...]


_MOST_DERIVED = 10
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ALIKE = 0.75
_CONVERTED = Decimal("0.0005")
"""Figures in converted units may differ by so much."""


def check_facts(brief: str, draft: str) -> FactCheck:
    """Return where a draft says other figures, dates or names than its brief.

    The same facts written in another way agree: 5 %, 百分之五 and five per cent; 1.2 亿 and 120
    million; 3 March and 3月3日. What the draft leaves out is no finding.
    """
    given, written = _facts(brief), _facts(draft)
    findings = [
        *_check_figures(given, written),
        *_check_moments(given, written),
        *_check_codes(given, written),
    ]
    not_judged = []
    if _is_chinese(brief) == _is_chinese(draft):
        findings += _check_names(given, written)
    elif given.names or written.names:
        not_judged.append(
            sentence(
                "Brief and text are in different languages, so names were not compared, other than"
                " codes and addresses."
            )
        )
    order = sorted(findings, key=lambda finding: (finding.start, finding.end))
    return FactCheck(tuple(order), tuple(not_judged))


def _facts(text: str) -> _Facts:
    plain = plain_digits(text)
    addresses = tuple(names.addresses(plain))
    taken = [(address.start, address.end) for address in addresses]
    taken += names.enumerations(plain)
    codes = tuple(
        code
        for code in names.codes(plain)
        if not any(start < code.end and code.start < end for start, end in taken)
    )
    taken += [(code.start, code.end) for code in codes]
    masked = _masked(plain, taken)
    dates = moments(masked)
    taken += [(moment.start, moment.end) for moment in dates]
    found = figures(masked, taken)
    known = (*names.latin_names(plain), *names.chinese_names(plain))
    return _Facts(text, found, dates, known, (*addresses, *codes))


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace spans by letters that mean nothing, so that positions stay."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = "\u00a4" * (end - start)
    return "".join(characters)


def _is_chinese(text: str) -> bool:
    letters = sum(character.isalpha() for character in text) or 1
    return len(_CHINESE.findall(text)) / letters > 0.3


# Figures


def _check_figures(given: _Facts, written: _Facts) -> list[Finding]:
    findings = []
    for figure in written.figures:
        finding = _check_figure(figure, given, written)
        if finding is not None:
            findings.append(finding)
    return findings


def _check_figure(figure: Figure, given: _Facts, written: _Facts) -> Finding | None:
    said = written.text[figure.start : figure.end]
    alike = [other for other in given.figures if _same_thing(figure, other)]
    equal = [other for other in alike if _same_value(figure, other)]
    if figure.in_words and not _is_judged(figure, alike):
        return None
    if equal:
        if all(figure.direction * other.direction < 0 for other in equal):
            around = _around(given.text, equal[0])
            fell = sentence("The brief says that it fell: “{brief}”.", brief=around)
            rose = sentence("The brief says that it rose: “{brief}”.", brief=around)
            message = fell if equal[0].direction < 0 else rose
            return _finding("direction_changed", figure, said, message)
        other = _of_something_else(figure, equal, alike)
        if other is None:
            return None
        return _finding(
            "figure_changed",
            figure,
            said,
            sentence("The brief says “{brief}” of this.", brief=_around(given.text, other)),
        )
    if _is_derived(figure, given.figures):
        return None
    for other in given.figures:
        if _same_number(figure, other, given, written):
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


def _is_judged(figure: Figure, alike: list[Figure]) -> bool:
    """Small numbers in words are often no fact ("one of the best"): these are compared only with
    a figure of the same thing."""
    if figure.value == 1 and figure.dimension in ("count", "time", "month", "fold", "length"):
        return False
    if figure.dimension == "count" and figure.value <= 12:
        return any(figure.counted & other.counted for other in alike)
    return figure.dimension != "discount" or bool(alike)


def _same_thing(figure: Figure, other: Figure) -> bool:
    if "ordinal" in (figure.dimension, other.dimension):
        return {figure.dimension, other.dimension} <= {"ordinal", "count", "time"}
    return figure.dimension == other.dimension


def _same_value(figure: Figure, other: Figure) -> bool:
    if figure.other != other.other and figure.dimension == "score":
        return False
    if figure.value == other.value:
        return True
    is_measured = figure.dimension not in ("count", "score", "ordinal")
    if is_measured and abs(figure.value - other.value) <= other.value * _CONVERTED:
        return True
    step = max(figure.step, other.step)
    is_rounded = abs(figure.value - other.value) <= step / 2
    if figure.rounding == "about" or other.rounding == "about":
        return is_rounded or abs(figure.value - other.value) <= abs(other.value) * Decimal("0.05")
    if figure.rounding == "over":
        return 0 <= other.value - figure.value <= max(step, other.value * Decimal("0.1"))
    if figure.rounding == "under":
        return 0 <= figure.value - other.value <= max(step, other.value * Decimal("0.1"))
    has_two_digits = figure.step > 0 and figure.value / figure.step >= 10
    return is_rounded and has_two_digits and figure.dimension not in ("percent", "count")


def _same_number(figure: Figure, other: Figure, given: _Facts, written: _Facts) -> bool:
    """Return whether the same digits are written with another unit: 5 kg and 5 g."""
    if {figure.dimension, other.dimension} & {"score"}:
        return False
    mine = re.sub(r"[^\d.]", "", plain_digits(written.text[figure.start : figure.end]))
    theirs = re.sub(r"[^\d.]", "", plain_digits(given.text[other.start : other.end]))
    if not mine or mine != theirs:
        return False
    if "count" in (figure.dimension, other.dimension) and not (figure.counted or other.counted):
        return False
    return bool(figure.stems & other.stems) or is_money(figure.dimension) == is_money(
        other.dimension
    )


def _of_something_else(figure: Figure, equal: list[Figure], alike: list[Figure]) -> Figure | None:
    """Return the figure of the brief for what the draft speaks of, if the equal one is of another
    thing: revenue's 12 % said of the profit."""
    if any(figure.stems & other.stems for other in equal) or not figure.stems:
        return None
    values = {other.value for other in equal}
    for other in alike:
        common = figure.stems & other.stems
        enough = 2 if any(_CHINESE.match(word) for word in common) else 1
        if other.value not in values and len(common) >= enough and all(one.stems for one in equal):
            return other
    if figure.dimension == "count" and figure.counted:
        counted = [other for other in alike if figure.counted & other.counted]
        if counted and all(not _same_value(figure, other) for other in counted):
            return counted[0]
    return None


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


def _is_derived(figure: Figure, given: tuple[Figure, ...]) -> bool:
    """Return whether a figure is the sum, the difference or the change in percent of two."""
    same = [other for other in given if other.dimension == figure.dimension][:_MOST_DERIVED]
    if figure.dimension != "count" or figure.value > 20:
        for at, first in enumerate(same):
            for second in same[at + 1 :]:
                if figure.dimension == "count" and not first.counted & second.counted:
                    continue
                if figure.value in (first.value + second.value, abs(first.value - second.value)):
                    return True
    if figure.dimension != "percent":
        return False
    for at, first in enumerate(given[:_MOST_DERIVED]):
        for second in given[at + 1 : _MOST_DERIVED]:
            if first.dimension != second.dimension or not (
                is_money(first.dimension) or first.counted & second.counted
            ):
                continue
            for start, end in ((first, second), (second, first)):
                if (
                    start.value
                    and abs(abs(end.value / start.value - 1) * 100 - figure.value)
                    <= figure.step / 2
                ):
                    return True
    return False


# Dates and times


def _check_moments(given: _Facts, written: _Facts) -> list[Finding]:
    findings = []
    for moment in written.moments:
        if _is_given(moment, given.moments):
            continue
        said = written.text[moment.start : moment.end]
        other = _similar_moment(moment, given.moments)
        if other is None:
            message = sentence("The brief does not have this date.")
            kind: FindingKind = "date_new"
        else:
            message = sentence(
                "The brief says “{brief}”.", brief=given.text[other.start : other.end]
            )
            kind = "date_changed"
        findings.append(Finding(kind, said, message, moment.start, moment.end))
    return findings


def _is_given(moment: Moment, given: tuple[Moment, ...]) -> bool:
    """Return whether a moment of the brief agrees, and others say what that one leaves open."""
    for other in given:
        if not agree(moment, other):
            continue
        extra = [
            name
            for name in FIELDS
            if getattr(moment, name) is not None and getattr(other, name) is None
        ]
        if all(any(getattr(one, name) == getattr(moment, name) for one in given) for name in extra):
            return True
    return False


def _similar_moment(moment: Moment, given: tuple[Moment, ...]) -> Moment | None:
    def common(other: Moment) -> tuple[int, int]:
        fields = [
            name
            for name in FIELDS
            if getattr(moment, name) is not None and getattr(other, name) is not None
        ]
        equal = sum(getattr(moment, name) == getattr(other, name) for name in fields)
        return len(fields), equal

    best = max(given, key=lambda other: common(other)[::-1] + common(other), default=None)
    return best if best is not None and common(best)[0] else None


# Names


def _check_codes(given: _Facts, written: _Facts) -> list[Finding]:
    known = _squeezed(given.text)
    findings = []
    for code in written.codes:
        if _squeezed(code.text) in known:
            continue
        findings.append(_name_finding(code, _similar_name(code.text, given.codes)))
    return findings


def _check_names(given: _Facts, written: _Facts) -> list[Finding]:
    findings = []
    known = _squeezed(given.text)
    words = {word.casefold() for word in re.findall(r"[\w'’&-]+", given.text)}
    for name in written.names:
        if _squeezed(name.text) in known or _is_known(name, words, given.names, known):
            continue
        if any(code.start < name.end and name.start < code.end for code in written.codes):
            continue
        same = tuple(other for other in given.names if other.kind == name.kind)
        findings.append(_name_finding(name, _similar_name(name.text, same)))
    return findings


def _is_known(name: Name, words: set[str], given: tuple[Name, ...], known: str) -> bool:
    if name.kind == "latin":
        parts = [part for part in re.split(r"[\s-]+", name.text.casefold()) if len(part) > 1]
        if all(part in words or part.rstrip("s") in words or part + "s" in words for part in parts):
            return True
        initials = {
            "".join(part[0] for part in other.text.split() if part[0].isupper()) for other in given
        }
        return name.text.replace(".", "") in initials
    if name.kind == "organisation":
        return names.organisation_stem(name.text) in known
    return False


def _similar_name(text: str, given: tuple[Name, ...]) -> Name | None:
    best, score = None, 0.0
    for other in given:
        ratio = SequenceMatcher(None, text.casefold(), other.text.casefold()).ratio()
        shared = set(text.casefold().split()) & set(other.text.casefold().split())
        if _CHINESE.search(text) and (text[0] == other.text[0] or text[-1] == other.text[-1]):
            ratio = max(ratio, _ALIKE)
        if (shared or ratio >= _ALIKE - 0.15) and ratio > score:
            best, score = other, ratio
    return best


def _name_finding(name: Name, similar: Name | None) -> Finding:
    if similar is None:
        message = sentence("The brief does not have this name.")
        return Finding("name_new", name.text, message, name.start, name.end)
    message = sentence("The brief says “{brief}”.", brief=similar.text)
    return Finding("name_changed", name.text, message, name.start, name.end)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s\-·・.]", "", text).casefold()


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
