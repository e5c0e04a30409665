"""Find where a text says all of what the brief says a part: all 140 jobs are filled, for 120."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.findings import Finding

_ALL_BEFORE = re.compile(
    r"\b(?:all|every one)\s(?:of\s)?(?:the\s|its\s|these\s)?$|(?:全部|所有)的?$", re.IGNORECASE
)
_ALL_AFTER = re.compile(
    r"[^，。；,.;\d]{0,10}(?:已?全部|均已|都已|全都)|,?\s(?:have\s)?all\s(?:have\s)?(?:been\s)?\b"
)
_PART = re.compile(
    r"[^。.;；\n\d]{0,16}(?:\b(?:of|already|so far|closed|done|filled|used|sold|left|now)\b"
    r"|[（(]共|已|其中|仅|够|完成)",
    re.IGNORECASE,
)
_NEAR = 24
_LEAST = 0.3


def check_wholes(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield "all 140 jobs" where the brief has 140 beside a part of it that the text leaves out."""
    said = {one.value for one in written.figures}
    for figure in written.figures:
        if figure.other is not None or not _is_whole(figure, written.text):
            continue
        for part in _parts(figure, given):
            if part.value in said:
                continue
            first, last = sorted((part, _same(figure, given)), key=lambda one: one.start)
            message = sentence(
                "The brief says “{brief}”.", brief=given.text[first.start : last.end + 12].strip()
            )
            start, end = _place(figure, written.text)
            yield Finding("figure_changed", written.text[start:end], message, start, end)
            break


def _is_whole(figure: Figure, text: str) -> bool:
    before = text[max(0, figure.start - 16) : figure.start]
    return bool(_ALL_BEFORE.search(before) or _ALL_AFTER.match(text, figure.end))


def _place(figure: Figure, text: str) -> tuple[int, int]:
    near = max(0, figure.start - 16)
    before = _ALL_BEFORE.search(text[near : figure.start])
    after = _ALL_AFTER.match(text, figure.end)
    start = near + before.start() if before else figure.start
    return start, after.end() if after else figure.end


def _same(figure: Figure, given: Facts) -> Figure:
    return next(one for one in given.figures if _is_equal(figure, one))


def _is_equal(figure: Figure, other: Figure) -> bool:
    return figure.dimension == other.dimension and figure.value == other.value


def _parts(figure: Figure, given: Facts) -> Iterator[Figure]:
    """Yield smaller counts right beside the same one in the brief, said to be a part of it."""
    for whole in given.figures:
        if not _is_equal(figure, whole):
            continue
        for part in given.figures:
            is_part = part.dimension == whole.dimension and (
                _LEAST * float(whole.value) <= float(part.value) < float(whole.value)
            )
            if not is_part or part.other is not None:
                continue
            first, last = sorted((part, whole), key=lambda one: one.start)
            between = given.text[first.end : last.start]
            if len(between) <= _NEAR and "." not in between and "。" not in between:
                around = between + " " + given.text[last.end : last.end + _NEAR]
                if _PART.match(around):
                    yield part
