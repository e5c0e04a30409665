"""Divides the words of a recording into lines: sentences, as far as they can be told."""

from __future__ import annotations

from collections.abc import Iterable

from studio.engine.tasks.transcribe.recogniser import Word
from studio.formats.sounds.lyrics import TimedLine, TimedWord

_PAUSE = 1.2
"""Seconds of silence after which a new line begins."""
_LONG = 120
"""Characters of a line that ends with a segment of the model, not only with a sentence."""
_LONG_WIDE = 30
_LONGEST = 400
_ENDS = (".", "?", "!", "。", "？", "！", "…")
_CLOSING = "\"'”’)）」』》 "
_NO_END = ("mr.", "mrs.", "ms.", "dr.", "st.", "vs.", "e.g.", "i.e.", "no.")


def lines_of(words: Iterable[Word], start: float) -> list[TimedLine]:
    """Return the lines of a part that begins at `start` seconds."""
    lines: list[TimedLine] = []
    line: list[TimedWord] = []
    for word in words:
        text = word.text.strip()
        timed = TimedWord(text, start + word.start, start + word.end, not word.text.startswith(" "))
        if line and timed.start - line[-1].end >= _PAUSE:
            lines.append(TimedLine(tuple(line)))
            line = []
        line.append(timed)
        length = sum(len(each.text) for each in line)
        is_wide = text[-1:] >= "\u2e80"
        is_long = length >= (_LONG_WIDE if is_wide else _LONG)
        if _ends_sentence(text) or (word.ends and is_long) or length >= _LONGEST:
            lines.append(TimedLine(tuple(line)))
            line = []
    return [*lines, TimedLine(tuple(line))] if line else lines


def _ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith(_ENDS) and text.lower() not in _NO_END
