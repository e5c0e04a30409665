"""Corrects what is said in a sound: words that were typed over get times from those beside them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec import Struct

from studio.formats.sounds.lyrics import TimedLine, TimedWord

_MOST_COMPARED = 4000
"""Characters of changed lines that are compared; longer ones share the time evenly."""


class _Letter(Struct, frozen=True):
    text: str
    start: float
    end: float


def corrected(lines: Sequence[TimedLine], text: str) -> tuple[TimedLine, ...]:
    """Return lines whose words are those of `text`, one line each; empty lines are left out.

    `lines` are those that were heard: from corrected ones, times of words that were deleted and
    typed again would be lost.

    Lines that did not change keep their words and times. Of the others, letters that are still
    there keep theirs, and what is new lies between them.
    """
    rows = [row for row in text.split("\n") if row.strip()]
    before = [line.text for line in lines]
    found: list[TimedLine] = []
    matcher = SequenceMatcher(None, before, rows, autojunk=False)
    for kind, first, last, first_row, last_row in matcher.get_opcodes():
        if kind == "equal":
            found += lines[first:last]
            continue
        changed = lines[first:last]
        start = changed[0].start if changed else (lines[first - 1].end if first else 0.0)
        end = changed[-1].end if changed else (lines[last].start if last < len(lines) else start)
        typed = rows[first_row:last_row]
        found += _timed(_letters(changed), typed, start, max(start, end))
    return tuple(found)


def _letters(lines: Sequence[TimedLine]) -> list[_Letter]:
    found: list[_Letter] = []
    for line in lines:
        for word in line.words:
            part = (word.end - word.start) / max(1, len(word.text))
            found.extend(
                _Letter(letter, word.start + at * part, word.start + (at + 1) * part)
                for at, letter in enumerate(word.text)
                if not letter.isspace()
            )
    return found


def _timed(
    old: Sequence[_Letter], rows: Sequence[str], start: float, end: float
) -> list[TimedLine]:
    letters = "".join(letter for row in rows for letter in row if not letter.isspace())
    times = _times(old, letters, start, end)
    lines: list[TimedLine] = []
    at = 0
    for row in rows:
        words: list[TimedWord] = []
        for text, joined in _words(row):
            count = sum(not letter.isspace() for letter in text)
            first, last = times[at], times[at + count - 1]
            words.append(TimedWord(text, first[0], max(first[0], last[1]), joined))
            at += count
        lines.append(TimedLine(tuple(words)))
    return lines


def _times(
    old: Sequence[_Letter], letters: str, start: float, end: float
) -> list[tuple[float, float]]:
    """Return start and end of each letter."""
    known: list[tuple[float, float] | None] = [None] * len(letters)
    if len(letters) + len(old) <= _MOST_COMPARED:
        before = "".join(letter.text for letter in old)
        matcher = SequenceMatcher(None, before.lower(), letters.lower(), autojunk=False)
        for block in matcher.get_matching_blocks():
            for offset in range(block.size):
                letter = old[block.a + offset]
                known[block.b + offset] = (letter.start, letter.end)
    times: list[tuple[float, float]] = []
    at = 0
    while at < len(known):
        found = known[at]
        if found is not None:
            times.append(found)
            at += 1
            continue
        until = at
        while until < len(known) and known[until] is None:
            until += 1
        following = known[until] if until < len(known) else None
        left = times[-1][1] if times else start
        right = max(left, following[0] if following is not None else end)
        part = (right - left) / (until - at)
        times += [(left + n * part, left + (n + 1) * part) for n in range(until - at)]
        at = until
    return times


def _words(row: str) -> list[tuple[str, bool]]:
    """Return the words of a line, and whether each follows the one before without a space.

    Letters of scripts without spaces are words of their own, with the punctuation behind them.
    """
    found: list[tuple[str, bool]] = []
    for part in row.split():
        piece, joined = "", False
        for letter in part:
            begins = letter >= "\u2e80" and letter.isalnum()
            was_wide = bool(piece) and piece[0] >= "\u2e80"
            if piece and (begins or (was_wide and letter < "\u2e80" and letter.isalnum())):
                found.append((piece, joined))
                piece, joined = "", True
            piece += letter
        found.append((piece, joined))
    return found
