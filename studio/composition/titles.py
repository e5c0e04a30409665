"""The subtitles of a film: what its voices say, or the texts of its shots."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.composition.timeline import Timeline
from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.sounds.comments import LYRICS
from studio.formats.sounds.lyrics import TimedLine, cues_of, from_lrc
from studio.formats.sounds.spread_words import spread_words
from studio.kinds.film import Shot

_SHORTEST = 1
_LONGEST_GAP = 1200
"""Milliseconds for which a subtitle stays until the next one begins."""


class Line(Struct, frozen=True):
    """A subtitle, with its times in milliseconds."""

    start: int
    end: int
    text: str


def titles_of(
    shots: Sequence[Shot], voices: Sequence[Path], timeline: Timeline
) -> tuple[Line, ...]:
    """Return the subtitles; of a voice whose file says when each word is said, with those times."""
    lines: list[Line] = []
    for number, shot in enumerate(shots):
        start = float(timeline.seconds_at(number))
        end = float(timeline.seconds_at(number + 1))
        said = _said(voices[shot.voice], start) if shot.voice >= 0 and shot.text.strip() else ()
        if not said:
            spread = spread_words(shot.text, start, end)
            said = (spread,) if spread is not None else ()
        cues = [cue for line in said for cue in cues_of(line)]
        lines += _lines(cues, round(start * 1000), round(end * 1000))
    return tuple(lines)


def _said(voice: Path, start: float) -> tuple[TimedLine, ...]:
    """Return what a voice says according to its file, moved to where it begins in the film."""
    text = ""
    with contextlib.suppress(OSError):
        text = read_embedded(voice).texts.get(LYRICS, "")
    return tuple(
        TimedLine(
            tuple(
                msgspec.structs.replace(word, start=word.start + start, end=word.end + start)
                for word in line.words
            )
        )
        for line in from_lrc(text)
    )


def _lines(cues: Sequence[TimedLine], first: int, last: int) -> list[Line]:
    """Return cues as subtitles within a shot, none of which overlap."""
    begins = [min(max(first, round(cue.start * 1000)), last) for cue in cues]
    lines: list[Line] = []
    for cue, start, following in zip(cues, begins, [*begins[1:], last], strict=False):
        end = min(following, last, max(start + _SHORTEST, round(cue.end * 1000) + _LONGEST_GAP))
        if end > start:
            lines.append(Line(start, end, cue.text))
    return lines
