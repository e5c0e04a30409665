"""The subtitles in a video, as SubRip."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

from studio.formats.containers import open_container
from studio.formats.sounds.lyrics import TimedLine, TimedWord, to_srt

_MAX_LINES = 100_000


def subtitles_in(path: Path) -> str:
    """Return the first stream of subtitles as SubRip, "" if there is none. Raises `OSError`."""
    with open_container(path) as container:
        stream = next(iter(container.streams.subtitles), None)
        if stream is None:
            return ""
        name = stream.codec_context.codec.canonical_name
        lines: list[TimedLine] = []
        for packet in container.demux(stream):
            text = _text(bytes(packet), name)
            if text and packet.pts is not None:
                start = float(packet.pts * packet.time_base)
                end = start + float(_duration(packet) * packet.time_base)
                lines.append(TimedLine((TimedWord(text, start, end),)))
            if len(lines) >= _MAX_LINES:
                break
    return to_srt(lines)


def _duration(packet: Any) -> int:
    return int(packet.duration or 0)


def _text(data: bytes, codec: str) -> str:
    if codec == "mov_text":
        data = data[2 : 2 + int.from_bytes(data[:2])]
    text = data.decode("utf-8", "replace").strip()
    return unescape(text) if codec == "webvtt" else text
