"""Writes the file of a film: encoded frames, sound and subtitles, in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from studio.composition.sound import RATE, Samples
from studio.composition.titles import Line
from studio.engine.tasks.video.files.encoders import Encoding, configure
from studio.engine.tasks.video.files.segments import EncodedFrame

_FORMATS = {"mp4": "mp4", "mkv": "matroska", "webm": "webm"}
_SOUND = {"mp4": "aac", "mkv": "libopus", "webm": "libopus"}
_SUBTITLES = {"mp4": "mov_text", "mkv": "subrip", "webm": "webvtt"}
_BIT_RATE = 160_000
_MILLISECOND = Fraction(1, 1000)
_OPTIONS = {"mp4": {"movflags": "+faststart"}}
_STYLE = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold,\
 Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow,\
 Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""The style that the encoder of an MP4's subtitles asks for."""


def join(
    target: Path,
    encoding: Encoding,
    frames: Iterable[EncodedFrame],
    sound: Iterator[Samples] | None,
    lines: Sequence[Line],
    check: Callable[[], None],
) -> None:
    """Write a film in the container of the suffix of `target`.

    `check` may raise to stop. Raises `OSError`.
    """
    import av

    form = target.suffix[1:]
    options = {"fflags": "+bitexact", **_OPTIONS.get(form, {})}
    with av.open(str(target), "w", format=_FORMATS[form], options=options) as container:
        video: Any = container.add_stream(encoding.codec, encoding.rate, encoding.options)
        configure(video.codec_context, encoding)
        video.time_base = encoding.time_base
        audio: Any = None
        if sound is not None:
            audio = container.add_stream(_SOUND[form], RATE)
            audio.layout, audio.bit_rate = "stereo", _BIT_RATE
        titles: Any = None
        if lines:
            titles = container.add_stream(_SUBTITLES[form])
            titles.codec_context.subtitle_header = _STYLE
            titles.time_base = _MILLISECOND
        container.start_encoding()
        streams = [_video_packets(frames, video, encoding.time_base)]
        if sound is not None:
            streams.append(_sound_packets(sound, audio))
        if lines:
            streams.append(_title_packets(lines, titles, form))
        for _, packet in heapq.merge(*streams, key=lambda item: item[0]):
            check()
            container.mux_one(packet)


def _video_packets(
    frames: Iterable[EncodedFrame], stream: Any, time_base: Fraction
) -> Iterator[tuple[Fraction, Any]]:
    import av

    for encoded in frames:
        packet = av.Packet(encoded.data)
        packet.pts = packet.dts = encoded.pts
        packet.duration = encoded.duration
        packet.time_base = time_base
        packet.is_keyframe = encoded.is_key
        packet.stream = stream
        yield encoded.pts * time_base, packet


def _sound_packets(blocks: Iterator[Samples], stream: Any) -> Iterator[tuple[Fraction, Any]]:
    import av

    at = 0
    time_base = Fraction(1, RATE)
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, time_base
        at += block.shape[1]
        for packet in stream.encode(frame):
            yield packet.dts * Fraction(packet.time_base), packet
    for packet in stream.encode(None):
        yield packet.dts * Fraction(packet.time_base), packet


def _title_packets(lines: Sequence[Line], stream: Any, form: str) -> Iterator[tuple[Fraction, Any]]:
    import av

    for line in lines:
        packet = av.Packet(_encoded(line.text, form))
        packet.pts = packet.dts = line.start
        packet.duration = line.end - line.start
        packet.time_base = _MILLISECOND
        packet.stream = stream
        yield line.start * _MILLISECOND, packet


def _encoded(text: str, form: str) -> bytes:
    """Return a subtitle as the container holds it: in an MP4 after its length."""
    clean = "\n".join(filter(None, (line.strip() for line in text.splitlines())))
    if form == "webm":
        clean = clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    data = clean.encode("utf-8", "replace")
    return len(data).to_bytes(2) + data if form == "mp4" else data
