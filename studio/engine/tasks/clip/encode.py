"""Writes the frames of a clip as a video file."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.engine.tasks.video.files.colours import Colours, to_frame
from studio.engine.tasks.video.files.encoders import Encoding, choose_encoding, configure
from studio.formats.videos.frame_rate import exact_rate

Frames = NDArray[np.uint8]
"""Shape (frames, height, width, 3)."""

_COLOURS = Colours(space=1, primaries=1, transfer=1, range=1, bits=8)
"""BT.709, as all new video."""


def choose(encoder: str, quality: int, size: tuple[int, int], fps: float) -> Encoding:
    """Return the encoding of a clip. Raises `ProblemError` if there is no encoder for it."""
    rate = exact_rate(fps)
    base = Fraction(rate.denominator, rate.numerator)
    return choose_encoding(encoder, quality, size, _COLOURS, base, rate, None, (b"", b""))


def write_clip(frames: Frames, encoding: Encoding, target: Path, check: Callable[[], None]) -> None:
    """Write an MP4. `check` may raise to stop. Raises `OSError`."""
    import av

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(target), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream(encoding.codec, encoding.rate, encoding.options)
        configure(stream.codec_context, encoding)
        stream.time_base = encoding.time_base
        for number, pixels in enumerate(frames):
            check()
            frame = to_frame(np.ascontiguousarray(pixels), _COLOURS, encoding.pixel_format)
            frame.pts, frame.time_base = number, encoding.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def last_frame(path: Path, check: Callable[[], None]) -> NDArray[np.uint8]:
    """Return the last frame of a video as it is shown. Raises `ProblemError` if it has none."""
    import av

    from studio.engine.tasks.video.files.source import Damage, Part, frames_of, open_source
    from studio.formats.videos.probe import unreadable

    source = open_source(path)
    start = max(0.0, source.seconds - 3.0)
    found: Any = None
    try:
        for part in (Part(start), Part()):
            for frame in frames_of(source, part, check, Damage()):
                found = frame.frame
            if found is not None or not start:
                break
    except av.error.FFmpegError as error:
        raise unreadable(path, str(error)) from error
    if found is None:
        raise unreadable(path, "no frame can be decoded")
    pixels: NDArray[np.uint8] = found.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, source.rotation // 90 % 4))
