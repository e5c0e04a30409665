"""The lines of a script with their times, from a table with a column of seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from studio.formats.sounds.lyrics import TimedLine, TimedWord

_ROW = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s:|-]+")
_SECONDS = re.compile(r"秒|时长|second|duration|length|\bsec\b", re.IGNORECASE)
_WORDS = re.compile(
    r"旁白|台词|口播|配音|字幕|voice|narration|dialog|spoken|words|line|says", re.IGNORECASE
)
_PICTURES = re.compile(
    r"画面|镜头描述|配图|picture|visual|scene|shot description|what is seen", re.IGNORECASE
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CLAUSE = re.compile(r".+?(?:[。！？；!?;]+|[.](?=\s|$)|[，,](?=.{6})|$)\s*", re.DOTALL)

MAX_ROWS = 2000
_LONGEST = 3600.0
"""Seconds of a line."""


def script_lines(text: str) -> tuple[TimedLine, ...]:
    """Return the spoken lines of the first table with seconds in a Markdown text, or none."""
    rows = [_cells(found[1]) for found in _ROW.finditer(text)][:MAX_ROWS]
    for number, head in enumerate(rows):
        column = _column(head, _SECONDS)
        words = _column(head, _WORDS)
        if column is not None and words is not None:
            return _timed(rows[number + 1 :], column, words)
    return ()


def script_pictures(text: str) -> tuple[str, ...]:
    """Return what is to be seen in each shot of the first table that says so."""
    rows = [_cells(found[1]) for found in _ROW.finditer(text)][:MAX_ROWS]
    for number, head in enumerate(rows):
        column = _column(head, _PICTURES)
        if column is not None and len(head) > 1:
            cells = [row[column] for row in rows[number + 1 :] if len(row) > column]
            return tuple(cell for cell in cells if cell and not _RULE.fullmatch(cell))
    return ()


def _cells(row: str) -> list[str]:
    return [" ".join(cell.replace("\\|", "|").split()) for cell in _CELL.split(row)]


def _column(head: Sequence[str], wanted: re.Pattern[str]) -> int | None:
    return next((place for place, cell in enumerate(head) if wanted.search(cell)), None)


def _timed(rows: Sequence[Sequence[str]], column: int, words: int) -> tuple[TimedLine, ...]:
    lines: list[TimedLine] = []
    start = 0.0
    for row in rows:
        if len(row) <= max(column, words) or _RULE.fullmatch("|".join(row)):
            continue
        found = _NUMBER.search(row[column])
        seconds = min(float(found[0]), _LONGEST) if found else 0.0
        if row[words] and seconds > 0:
            lines += _cues(row[words], start, seconds)
        start += seconds
    return tuple(lines)


def _cues(text: str, start: float, seconds: float) -> list[TimedLine]:
    """Share the time of a line between its clauses, by their length."""
    clauses = [found[0].strip() for found in _CLAUSE.finditer(text) if found[0].strip()]
    total = sum(map(len, clauses))
    cues, at = [], start
    for clause in clauses:
        end = at + seconds * len(clause) / total
        cues.append(TimedLine((TimedWord(clause, round(at, 3), round(end, 3)),)))
        at = end
    return cues
