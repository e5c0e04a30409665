"""What is said in a sound, with times: enhanced LRC, which is kept in the file, and other forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

_STAMP = re.compile(r"[<\[](\d{1,4}):(\d{1,2}(?:\.\d{1,3})?)[>\]]")
_LINE = re.compile(r"^\[(\d{1,4}):(\d{1,2}(?:\.\d{1,3})?)\](.*)$")
_MAX_LINES = 200_000
_LATEST = 10_000 * 6000 - 1
"""Hundredths of a second: minutes have at most four digits."""
_LONGEST_CUE = 84
"""Characters of a subtitle: two lines of 42."""
_LONGEST_WIDE = 36
_PARAGRAPH_PAUSE = 2.0
"""Seconds of silence after which a new paragraph begins."""


class TimedWord(Struct, frozen=True, omit_defaults=True):
    """A word with its times in seconds; `joined` says that no space is before it."""

    text: str
    start: float
    end: float
    joined: bool = False


class TimedLine(Struct, frozen=True):
    """A sentence or a part of one."""

    words: tuple[TimedWord, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    @property
    def text(self) -> str:
        """The words as they are written."""
        return "".join(
            word.text if word.joined or not at else f" {word.text}"
            for at, word in enumerate(self.words)
        )


class _JsonLine(Struct, frozen=True):
    start: float
    end: float
    text: str
    words: tuple[TimedWord, ...]


def to_lrc(lines: Sequence[TimedLine]) -> str:
    """Return enhanced LRC: the time of the line, then each word after its own time."""
    return "".join(f"{_lrc_line(line)}\n" for line in lines if line.words)


def from_lrc(text: str) -> tuple[TimedLine, ...]:
    """Return the lines of enhanced or plain LRC; what is damaged is left out."""
    lines: list[TimedLine] = []
    for row in text.split("\n", _MAX_LINES)[:_MAX_LINES]:
        found = _LINE.match(row.strip())
        if found is None:
            continue
        words = _words(found[3], _seconds(found[1], found[2]))
        if words:
            lines.append(TimedLine(words))
    return tuple(lines)


def to_srt(lines: Sequence[TimedLine]) -> str:
    """Return SubRip subtitles."""
    cues = [part for line in lines for part in cues_of(line)]
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def to_vtt(lines: Sequence[TimedLine]) -> str:
    """Return WebVTT subtitles with the time of each word."""
    cues = [part for line in lines for part in cues_of(line)]
    parts = [
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_vtt_text(cue)}\n\n" for cue in cues
    ]
    return "WEBVTT\n\n" + "".join(parts)


def to_text(lines: Sequence[TimedLine]) -> str:
    """Return the words alone; a long silence begins a new paragraph."""
    parts: list[str] = []
    for before, line in zip((None, *lines), lines, strict=False):
        if before is not None:
            is_new = line.start - before.end >= _PARAGRAPH_PAUSE
            parts.append("\n\n" if is_new else "" if _touches(before, line) else " ")
        parts.append(line.text)
    return f"{''.join(parts)}\n" if parts else ""


def to_json(lines: Sequence[TimedLine]) -> str:
    """Return lines and words with their times in seconds as JSON."""
    found = [_JsonLine(line.start, line.end, line.text, line.words) for line in lines]
    return msgspec.json.format(msgspec.json.encode({"lines": found}), indent=1).decode() + "\n"


SUBTITLES: dict[str, Callable[[Sequence[TimedLine]], str]] = {
    "srt": to_srt,
    "vtt": to_vtt,
    "lrc": to_lrc,
}
FORMATS = {"txt": to_text, **SUBTITLES, "json": to_json}
"""By the suffix of a file."""


def cues_of(line: TimedLine) -> list[TimedLine]:
    """Return a line as subtitles that fit on a screen."""
    cues: list[TimedLine] = []
    words: list[TimedWord] = []
    wide = narrow = 0
    for word in line.words:
        broad = sum(character >= "\u2e80" for character in word.text)
        slim = len(word.text) - broad
        gap = not word.joined
        if words and (wide + broad > _LONGEST_WIDE or narrow + gap + slim > _LONGEST_CUE):
            cues.append(TimedLine(tuple(words)))
            words, wide, narrow = [], 0, 0
        narrow += slim + (gap if words else 0)
        wide += broad
        words.append(word)
    return [*cues, TimedLine(tuple(words))] if words else cues


def _lrc_line(line: TimedLine) -> str:
    parts = [f"[{_lrc_time(line.start)}]"]
    for word in line.words:
        gap = "" if word.joined or len(parts) == 1 else " "
        parts.append(f"{gap}<{_lrc_time(word.start)}>{_one_line(word.text)}")
    return f"{''.join(parts)}<{_lrc_time(line.end)}>"


def _words(text: str, start: float) -> tuple[TimedWord, ...]:
    stamps = list(_STAMP.finditer(text))
    if not stamps:
        return (TimedWord(text.strip(), start, start),) if text.strip() else ()
    words: list[TimedWord] = []
    joined = True
    for number, stamp in enumerate(stamps):
        following = stamps[number + 1] if number + 1 < len(stamps) else None
        part = text[stamp.end() : following.start() if following is not None else None]
        begin = _seconds(stamp[1], stamp[2])
        end = _seconds(following[1], following[2]) if following is not None else begin
        if part.strip():
            words.append(TimedWord(part.strip(), begin, max(begin, end), joined))
        joined = not part.endswith(" ")
    return tuple(words)


def _vtt_text(cue: TimedLine) -> str:
    parts: list[str] = []
    for at, word in enumerate(cue.words):
        gap = "" if word.joined or not at else " "
        stamp = f"<{_clock(word.start, '.')}>" if at else ""
        text = _one_line(word.text).replace("&", "&amp;").replace("<", "&lt;")
        parts.append(f"{gap}{stamp}{text}")
    return "".join(parts).replace("-->", "--&gt;")


def _touches(before: TimedLine, line: TimedLine) -> bool:
    """Return whether no space is between two lines: their scripts have none."""
    return before.text[-1:] >= "\u2e80" or line.text[:1] >= "\u2e80"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("<", "(").replace(">", ")")


def _seconds(minutes: str, seconds: str) -> float:
    return int(minutes) * 60 + float(seconds)


def _lrc_time(seconds: float) -> str:
    hundredths = min(round(max(0.0, seconds) * 100), _LATEST)
    return f"{hundredths // 6000:02d}:{hundredths % 6000 / 100:05.2f}"


def _clock(seconds: float, point: str) -> str:
    thousandths = round(max(0.0, seconds) * 1000)
    whole, rest = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{rest:03d}"
