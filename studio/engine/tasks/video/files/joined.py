"""Joins encoded segments, and the other streams of the source, to one file; nothing is encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.engine.tasks.video.files.encoders import Encoding, configure
from studio.engine.tasks.video.files.segments import EncodedFrame
from studio.engine.tasks.video.files.source import Part, Source
from studio.formats.containers import open_container
from studio.formats.videos.probe import first_video, is_cover
from studio.protocol import Sentence, problem, sentence

_LOOK_ON = 10
"""Seconds behind the end of a part in which packets of another stream may still belong to it."""
_MICROSECOND = Fraction(1, 1_000_000)
_HELD = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac", "mov_text"},
    "webm": {"opus", "vorbis", "webvtt"},
}
"""Codecs of sound and subtitles that a container holds; a Matroska holds nearly all."""
_COVERS = {"mjpeg": "jpg", "png": "png"}
"""Codecs of covers → suffix of their files."""
_NOT_IN_MATROSKA = {"mov_text"}
_OWN_METADATA = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration"}
_OPTIONS = {"mp4": {"movflags": "+faststart"}}
_FORMATS = {"mp4": "mp4", "mkv": "matroska", "webm": "webm"}


class Joined(Struct, frozen=True):
    """What became of the streams beside the picture, and what is said about those left out."""

    copied: int
    notes: tuple[Sentence, ...]


def choose_format(source: Source, wanted: str, family: str) -> str:
    """Return the container for the result: mp4, mkv or webm. Raises `ProblemError`."""
    if wanted != "auto":
        if wanted == "webm" and family not in ("av1", "vp9"):
            raise problem("bad_input", "WebM holds AV1 and VP9 only. Choose MP4 or Matroska.")
        return wanted

    with open_container(source.path) as container:
        names = {_codec_of(each) for each in _others(container)}
        names.discard("")
        kind = container.format.name
        has_fonts = any(each.type == "attachment" for each in container.streams)
    if "matroska" in kind:
        is_webm = source.path.suffix.lower() == ".webm" and family in ("av1", "vp9")
        return "webm" if is_webm and names <= _HELD["webm"] else "mkv"
    return "mp4" if names <= _HELD["mp4"] and not has_fonts else "mkv"


def join(
    source: Source,
    part: Part,
    encoding: Encoding,
    packets: Iterable[EncodedFrame],
    target: Path,
    check: Callable[[], None],
) -> Joined:
    """Write the result in the container of the suffix of `target`.

    `check` may raise to stop. Raises `OSError`.
    """
    import av

    form = target.suffix[1:]
    options = {"fflags": "+bitexact", **_OPTIONS.get(form, {})}
    with (
        open_container(source.path) as origin,
        av.open(str(target), "w", format=_FORMATS[form], options=options) as container,
    ):
        _copy_metadata(origin.metadata, container.metadata)
        video: Any = container.add_stream(encoding.codec, encoding.rate, encoding.options)
        configure(video.codec_context, encoding)
        video.time_base = encoding.time_base
        picture = first_video(origin)
        assert picture is not None
        _copy_metadata(picture.metadata, video.metadata)
        video.disposition = picture.disposition
        if source.rotation:
            video.set_display_rotation(source.rotation)
        copies, notes = _add_copies(origin, container, form)
        if part == Part():
            container.set_chapters(origin.chapters())
        container.start_encoding()
        delay = max(0, origin.start_time or 0) * _MICROSECOND + Fraction(part.start)
        ready = _video_packets(packets, video, encoding.time_base, delay)
        upcoming = next(ready, None)
        for packet, moment in _other_packets(origin, copies, delay, part):
            check()
            while upcoming is not None and upcoming.dts * encoding.time_base <= moment:
                container.mux_one(upcoming)
                upcoming = next(ready, None)
            container.mux_one(packet)
        while upcoming is not None:
            check()
            container.mux_one(upcoming)
            upcoming = next(ready, None)
    return Joined(len(copies), tuple(notes))


def _add_copies(
    origin: Any, container: Any, form: str
) -> tuple[dict[int, tuple[Any, bool]], list[Sentence]]:
    """Add the streams that are copied: index → stream and whether its text is unwrapped."""
    copies: dict[int, tuple[Any, bool]] = {}
    left_out: list[str] = []
    for stream in origin.streams:
        name = _codec_of(stream)
        if stream.type == "video" and not is_cover(stream):
            if stream.index != getattr(first_video(origin), "index", -1):
                left_out.append(f"{stream.type} {name}")
            continue
        unwraps = form == "mkv" and name == "mov_text"
        fits = name in _HELD[form] if form in _HELD else name not in _NOT_IN_MATROSKA
        if stream.type == "attachment" and form == "mkv":
            container.add_attachment(stream.name or "file", stream.mimetype or "", stream.data)
            continue
        is_copied = stream.type in ("audio", "subtitle")
        if form == "mkv" and name in _COVERS and stream.type == "video":
            _attach_cover(container, origin.name, stream.index, name)
            continue
        if form == "mp4" and stream.type == "video":
            fits = is_copied = name in _COVERS
        if stream.type == "data" and origin.chapters():
            continue  # in an MP4, the chapters are a stream too
        if not name or not is_copied or not (fits or unwraps):
            left_out.append(f"{stream.type} {name}".strip())
            continue
        if unwraps:
            copy = container.add_mux_stream("subrip")
        else:
            copy = container.add_stream_from_template(stream)
        copy.time_base = stream.time_base
        _copy_metadata(stream.metadata, copy.metadata)
        copy.disposition = stream.disposition
        copies[stream.index] = copy, unwraps
    if not left_out:
        return copies, []
    return copies, [
        sentence(
            "The result does not hold these streams of the video: {streams}.",
            streams=", ".join(left_out),
        )
    ]


def _attach_cover(container: Any, path: str, index: int, codec: str) -> None:
    """Add the picture of a cover as a Matroska holds it: as an attachment."""

    suffix = _COVERS[codec]
    with open_container(path) as origin:
        for packet in origin.demux(origin.streams[index]):
            if packet.size:
                kind = "image/jpeg" if suffix == "jpg" else "image/png"
                container.add_attachment(f"cover.{suffix}", kind, bytes(packet))
                return


def _other_packets(
    origin: Any, copies: dict[int, tuple[Any, bool]], delay: Fraction, part: Part
) -> Iterator[tuple[Any, Fraction]]:
    """Yield the packets of the copied streams, with the time of each."""
    import av

    if not copies:
        return
    if part.start:
        origin.seek(int((origin.start_time or 0) + part.start * 1_000_000))
    packets = origin.demux([origin.streams[index] for index in copies])
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            return  # the end of a file that is cut off
        if packet.dts is None:
            # The picture of a cover has no time.
            packet.dts = packet.pts = packet.pts or 0
        if not packet.size:
            continue
        copy, unwraps = copies[packet.stream_index]
        base = Fraction(packet.time_base)
        shift = round(delay / base)
        at = Fraction(packet.dts) * base - delay
        if part.length and at >= part.length + _LOOK_ON:
            return
        if (part.start and at < 0) or (part.length and at >= part.length):
            continue
        if unwraps:
            packet = _unwrapped(packet)
            if packet is None:
                continue
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        packet.stream = copy
        yield packet, at


def _unwrapped(packet: Any) -> Any | None:
    """Return the text of a subtitle in an MP4, which has its length in front."""
    import av

    data = bytes(packet)
    text = data[2 : 2 + int.from_bytes(data[:2])]
    if not text:
        return None
    plain = av.Packet(text)
    plain.pts, plain.dts, plain.duration = packet.pts, packet.dts, packet.duration
    plain.time_base = packet.time_base
    return plain


def _video_packets(
    packets: Iterable[EncodedFrame], stream: Any, time_base: Fraction, delay: Fraction
) -> Iterator[Any]:
    import av

    shift = round(delay / time_base)
    for encoded in packets:
        packet = av.Packet(encoded.data)
        packet.pts = packet.dts = encoded.pts - shift
        packet.duration = encoded.duration
        packet.time_base = time_base
        packet.is_keyframe = encoded.is_key
        packet.stream = stream
        yield packet


def _others(container: Any) -> Iterator[Any]:
    return (each for each in container.streams if each.type in ("audio", "subtitle"))


def _codec_of(stream: Any) -> str:
    context = getattr(stream, "codec_context", None)
    return str(context.codec.canonical_name) if context is not None else ""


def _copy_metadata(source: Any, target: Any) -> None:
    for name, value in source.items():
        if name.lower() not in _OWN_METADATA and not name.startswith("_STATISTICS"):
            target[name] = value
