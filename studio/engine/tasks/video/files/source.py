"""A video file that is read: what it holds, and its frames in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.engine.tasks.video.files.colours import Colours, colours_of
from studio.formats.containers import open_container
from studio.formats.videos.probe import (
    first_video,
    frame_count,
    frame_rate,
    unreadable,
    without_video,
)

_THREADS = 4
_TOLERATED, _TOLERATED_SHARE = 1.0, 0.1
"""Seconds, and share of all, that the sound may go on behind the last frame."""
_MAX_DAMAGE = 10_000
"""Parts of a file that may be unreadable before the rest is given up."""


class Source(Struct, frozen=True):
    """What a file holds. `frames` and `seconds` are what its headers say, 0 if unknown;
    `begin` is the time of its first frame.

    `rotation` is in degrees anticlockwise. `aspect` is of a pixel. `light` are the mastering
    display and the content light level of HDR, as bytes, empty if there are none.
    """

    path: Path
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    frames: int
    seconds: float
    begin: float
    colours: Colours
    aspect: Fraction | None
    rotation: int
    has_alpha: bool
    light: tuple[bytes, bytes]


class SourceFrame(Struct, frozen=True):
    """A decoded frame. `pts` and `duration` are in the time base of the source."""

    number: int
    pts: int
    duration: int
    frame: Any


class Damage:
    """How many parts of a file could not be read, and whether it is interlaced."""

    def __init__(self) -> None:
        self.parts = 0
        self.is_interlaced = False


def open_source(path: Path) -> Source:
    """Return what a video file holds. Raises `ProblemError` if it is none."""
    import av

    try:
        with open_container(path) as container:
            stream = first_video(container)
            if stream is None:
                raise without_video(path)
            context = stream.codec_context
            first = _first_frame(container, stream)
            if first is None:
                raise unreadable(path, "no frame can be decoded")
            frames, seconds = frame_count(container, stream)
            aspect = stream.sample_aspect_ratio
            name = context.pix_fmt or ""
            return Source(
                path=path,
                width=first.width,
                height=first.height,
                time_base=Fraction(stream.time_base),
                rate=frame_rate(stream),
                frames=frames,
                seconds=seconds,
                begin=float((stream.start_time or 0) * stream.time_base),
                colours=colours_of(context),
                aspect=Fraction(aspect) if aspect and aspect != 1 else None,
                rotation=int(first.rotation),
                has_alpha=name.startswith(("yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya")),
                light=_light(first),
            )
    except av.error.FFmpegError as error:
        raise unreadable(path, f"{type(error).__name__}: {error}") from error


class Part(Struct, frozen=True):
    """A part of a video, in seconds from its beginning; no length goes on to the end."""

    start: float = 0.0
    length: float = 0.0


def expected_frames(source: Source, part: Part) -> int:
    """Return about how many frames a part has, 0 if unknown."""
    left = source.frames - round(part.start * float(source.rate))
    if part.length:
        left = min(left, round(part.length * float(source.rate)))
    return max(0, left)


def is_cut_off(source: Source, part: Part, end: int) -> bool:
    """Return whether the frames end, at a time in the time base, before the headers say."""
    if not source.seconds:
        return False
    wanted = min(source.seconds, part.start + part.length) if part.length else source.seconds
    missing = source.begin + wanted - float(end * source.time_base)
    return missing > max(_TOLERATED, _TOLERATED_SHARE * wanted)


def frames_of(
    source: Source, part: Part, check: Callable[[], None], damage: Damage
) -> Iterator[SourceFrame]:
    """Yield the frames of a part of a file, deinterlaced.

    What cannot be decoded is left out and counted in `damage`. `check` may raise to stop.
    """

    usual = max(1, round(1 / (source.rate * source.time_base)))
    number, last = 0, None
    with open_container(source.path) as container:
        stream = first_video(container)
        assert stream is not None
        stream.codec_context.thread_count = _THREADS
        stream.thread_type = "AUTO"
        base = Fraction(stream.time_base)
        begin = stream.start_time or 0
        first = begin + round(Fraction(part.start) / base)
        end = first + round(Fraction(part.length) / base)
        if part.start:
            container.seek(first, stream=stream)
        for frame in _deinterlaced(_decoded(container, stream, damage), stream, damage):
            check()
            pts = frame.pts
            if pts is None or (last is not None and pts <= last):
                pts = (last + usual) if last is not None else 0
            last = pts
            if part.start and pts < first:
                continue
            if part.length and pts >= end:
                return
            yield SourceFrame(number, pts, int(frame.duration or usual), frame)
            number += 1


def _decoded(container: Any, stream: Any, damage: Damage) -> Iterator[Any]:
    import av

    packets = container.demux(stream)
    while damage.parts <= _MAX_DAMAGE:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            damage.parts += 1
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damage.parts += 1
            continue
        yield from frames


def _deinterlaced(frames: Iterator[Any], stream: Any, damage: Damage) -> Iterator[Any]:
    """Yield frames, from the first interlaced one on through a filter that keeps their number."""
    graph: Any = None
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is None:
            graph = _filter(stream, frame)
            damage.is_interlaced = True
        graph.push(frame)
        yield from _pulled(graph, stream)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph, stream)


def _filter(stream: Any, frame: Any) -> Any:
    from av.filter import Graph

    graph = Graph()
    entry = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format.name,
        time_base=stream.time_base,
    )
    field = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    end = graph.add("buffersink")
    entry.link_to(field)
    field.link_to(end)
    graph.configure()
    return graph


def _pulled(graph: Any, stream: Any) -> Iterator[Any]:
    import av

    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        if frame.pts is not None:
            frame.pts = round(frame.pts * Fraction(frame.time_base) / Fraction(stream.time_base))
            frame.time_base = stream.time_base
        yield frame


def _first_frame(container: Any, stream: Any) -> Any | None:
    return next(_decoded(container, stream, Damage()), None)


def _light(frame: Any) -> tuple[bytes, bytes]:
    found = {data.type.name: bytes(data) for data in frame.side_data}
    return (
        found.get("MASTERING_DISPLAY_METADATA", b""),
        found.get("CONTENT_LIGHT_LEVEL", b""),
    )
