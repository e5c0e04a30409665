"""The encoders that there are, and how they are set so that the same frames give the same bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from msgspec import Struct

from studio.engine.tasks.video.files.colours import Colours, to_frame
from studio.protocol import problem

_SYSTEM = ("videotoolbox", "nvenc", "qsv", "amf", "mf", "vaapi")
"""Encoders of the system and of graphics cards, by the ends of their names."""
_CODECS = {
    "av1": ("libsvtav1",),
    "vp9": ("libvpx-vp9",),
    "h264": tuple(f"h264_{name}" for name in _SYSTEM),
    "hevc": tuple(f"hevc_{name}" for name in _SYSTEM),
    "x264": ("libx264",),
    "x265": ("libx265",),
}
_AUTO = ("av1", "vp9")
_POINTS = ("G", "B", "R", "WP")
_FAMILIES = {"x264": "h264", "x265": "hevc"}
_THREADS = 2
_FASTEST = Fraction(240)
"""Frames a second, that an encoder may be told; the times of the frames do not depend on it."""
_LONGEST_GROUP = 100_000
"""Frames. A segment is one group, which begins with its only key frame."""


class Encoding(Struct, frozen=True):
    """How the frames of one video are encoded."""

    family: str
    """av1, vp9, h264 or hevc"""
    codec: str
    width: int
    height: int
    pixel_format: str
    options: dict[str, str]
    time_base: Fraction
    rate: Fraction
    colours: Colours
    aspect: Fraction | None

    @property
    def is_deep(self) -> bool:
        """Whether it keeps more than 8 bits a channel."""
        return "10" in self.pixel_format

    @property
    def keeps_light(self) -> bool:
        """Whether it writes the mastering display and the light levels of HDR."""
        return self.is_deep and self.codec in ("libsvtav1", "libx265")


def choose_encoding(
    wanted: str,
    quality: int,
    size: tuple[int, int],
    colours: Colours,
    time_base: Fraction,
    rate: Fraction,
    aspect: Fraction | None,
    light: tuple[bytes, bytes],
) -> Encoding:
    """Return the first encoding that works here. Raises `ProblemError` if none does."""
    width, height = size
    tried: list[str] = []
    for name in _AUTO if wanted == "auto" else (wanted,):
        for codec in _CODECS[name]:
            for pixel_format in _pixel_formats(codec, colours):
                encoding = Encoding(
                    family=_FAMILIES.get(name, name),
                    codec=codec,
                    width=width,
                    height=height,
                    pixel_format=pixel_format,
                    options=_options(codec, quality, light if colours.is_deep else (b"", b"")),
                    time_base=time_base,
                    rate=min(rate, _FASTEST),
                    colours=colours,
                    aspect=aspect,
                )
                failed = _failure(encoding)
                if not failed:
                    return encoding
                tried.append(f"{codec} {pixel_format}: {failed}")
    detail = "\n".join(tried)
    if wanted in ("h264", "hevc"):
        raise problem(
            "bad_input",
            "This machine has no {encoder} encoder of its own for {width} × {height} pixels."
            " Choose AV1 or VP9.",
            detail,
            encoder=wanted.upper(),
            width=width,
            height=height,
        )
    raise problem(
        "bad_input",
        "No encoder here makes a video of {width} × {height} pixels. Choose a smaller scale or"
        " another encoder.",
        detail,
        width=width,
        height=height,
    )


def new_encoder(encoding: Encoding) -> Any:
    """Return an encoder for one segment."""
    import av
    from av.codec.context import Flags

    context: Any = av.CodecContext.create(encoding.codec, "w")
    configure(context, encoding)
    context.flags |= Flags.global_header
    return context


def configure(context: Any, encoding: Encoding) -> None:
    """Set up a codec context; those of all segments and of the whole file are alike."""
    context.width, context.height = encoding.width, encoding.height
    context.pix_fmt = encoding.pixel_format
    context.time_base = encoding.time_base
    context.framerate = encoding.rate
    context.options = encoding.options
    context.gop_size = _LONGEST_GROUP
    context.max_b_frames = 0  # so that frames are decoded in the order in which they are shown
    context.thread_count = _THREADS
    context.color_range = encoding.colours.range
    context.colorspace = encoding.colours.space
    context.color_primaries = encoding.colours.primaries
    context.color_trc = encoding.colours.transfer
    if encoding.aspect is not None:
        context.sample_aspect_ratio = encoding.aspect


def _pixel_formats(codec: str, colours: Colours) -> Iterator[str]:
    is_hardware = codec.rpartition("_")[2] in _SYSTEM
    if colours.is_deep:
        yield "p010le" if is_hardware else "yuv420p10le"
    yield "nv12" if is_hardware else "yuv420p"


def _failure(encoding: Encoding) -> str:
    """Return why an encoder does not make frames of this size here, "" if it does."""
    import av

    try:
        encoder = new_encoder(encoding)
        deep = encoding.colours.is_deep
        black = np.zeros((encoding.height, encoding.width, 3), np.uint16 if deep else np.uint8)
        frame = to_frame(black, encoding.colours, encoding.pixel_format)
        frame.pts, frame.time_base = 0, encoding.time_base
        made = [*encoder.encode(frame), *encoder.encode(None)]
    # Codecs that are not built in, and hardware that is not there, fail in many ways.
    except (av.error.FFmpegError, ValueError, OSError, NotImplementedError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if made else "no packet"


def _options(codec: str, quality: int, light: tuple[bytes, bytes]) -> dict[str, str]:
    """Return the options of a codec for a quality of 1 to 100."""
    share = (100 - quality) / 99
    if codec == "libsvtav1":
        parameters = [f"lp={_THREADS}", "keyint=-1", *_svt_light(light)]
        crf = str(round(8 + 54 * share))
        return {"preset": "8", "crf": crf, "svtav1-params": ":".join(parameters)}
    if codec == "libvpx-vp9":
        crf = str(round(6 + 54 * share))
        return {"crf": crf, "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
    level = str(round(10 + 41 * share))
    if codec == "libx264":
        return {"crf": level, "preset": "medium"}
    if codec == "libx265":
        parameters = ["log-level=error", *_x265_light(light)]
        return {"crf": level, "preset": "medium", "x265-params": ":".join(parameters)}
    return {
        "nvenc": {"rc": "constqp", "qp": level},
        "qsv": {"global_quality": level},
        "amf": {"rc": "cqp", "qp_i": level, "qp_p": level},
        "mf": {"rate_control": "quality", "quality": str(quality)},
        "vaapi": {"qp": level},
        "videotoolbox": {"q:v": str(quality)},
    }.get(codec.rpartition("_")[2], {})


class _Light(Struct, frozen=True):
    """The mastering display and light levels of HDR.

    `points` are green, blue, red and white as x and y; luminance is in candela a square metre.
    """

    points: tuple[tuple[float, float], ...] = ()
    brightest: float = 0.0
    darkest: float = 0.0
    levels: tuple[int, int] | None = None


def _read_light(light: tuple[bytes, bytes]) -> _Light:
    """Return what the bytes say, which are FFmpeg's structures: fractions of two 32-bit integers,
    red first."""
    display, level = light
    levels = struct.unpack("=2I", level[:8]) if len(level) >= 8 else None
    if len(display) >= 88:
        numbers = struct.unpack("=22i", display[:88])
        values = [a / b if b else 0.0 for a, b in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
        red, green, blue, white = ((values[at], values[at + 1]) for at in range(0, 8, 2))
        if all(numbers[20:22]):
            return _Light((green, blue, red, white), values[9], values[8], levels)
    return _Light(levels=levels)


def _svt_light(light: tuple[bytes, bytes]) -> Iterator[str]:
    found = _read_light(light)
    if found.points:
        points = zip(_POINTS, found.points, strict=True)
        text = "".join(f"{name}({x:.5f},{y:.5f})" for name, (x, y) in points)
        yield f"mastering-display={text}L({found.brightest:.4f},{found.darkest:.4f})"
    if found.levels is not None:
        yield f"content-light={found.levels[0]},{found.levels[1]}"


def _x265_light(light: tuple[bytes, bytes]) -> Iterator[str]:
    found = _read_light(light)
    if found.points:
        points = zip(_POINTS, found.points, strict=True)
        text = "".join(f"{n}({round(x * 50_000)},{round(y * 50_000)})" for n, (x, y) in points)
        bright, dark = round(found.brightest * 10_000), round(found.darkest * 10_000)
        yield f"hdr10=1:master-display={text}L({bright},{dark})"
    if found.levels is not None:
        yield f"max-cll={found.levels[0]},{found.levels[1]}"
