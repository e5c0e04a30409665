"""One frame of a video as a picture, for thumbnails and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.formats.containers import open_container
from studio.formats.untrusted_files import is_file
from studio.formats.videos.probe import first_video, frame_count

_POSTER_SHARE = 0.1
_POSTER_SECONDS = 2.0
"""Latest place of the picture that stands for a video: the first frames are often black."""
_MOST_DECODED = 1000
"""Frames between a key frame and the one wanted that are decoded at most."""


class Still(Struct, frozen=True):
    """A frame in RGB, 8 bits; `stride` is bytes a row. `rotation` is anticlockwise, in degrees."""

    width: int
    height: int
    stride: int
    pixels: bytes
    rotation: int
    seconds: float


def read_still(path: Path, seconds: float | None = None, longest: int = 0) -> Still | None:
    """Return the frame that is shown at a time, by default one that stands for the video.

    It is scaled down to `longest` pixels, unless that is 0. None if there is none. Any content is
    tolerated.
    """
    if not is_file(path):
        return None

    try:
        with open_container(path) as container:
            stream = first_video(container)
            if stream is None:
                return None
            stream.thread_type = "AUTO"
            if seconds is None:
                _, whole = frame_count(container, stream)
                seconds = min(_POSTER_SECONDS, whole * _POSTER_SHARE)
            frame = _frame_at(container, stream, seconds)
            return _still(frame, longest) if frame is not None else None
    # FFmpeg's errors, and those of Python for odd numbers in damaged files.
    except Exception:
        return None


def _frame_at(container: Any, stream: Any, seconds: float) -> Any | None:
    start = stream.start_time or 0
    wanted = start + round(seconds / float(stream.time_base))
    if seconds > 0:
        container.seek(wanted, stream=stream)
    shown: Any = None
    for number, frame in enumerate(container.decode(stream)):
        if shown is not None and frame.pts is not None and frame.pts > wanted:
            break
        shown = frame
        if number >= _MOST_DECODED:
            break
    return shown


def _still(frame: Any, longest: int) -> Still:
    aspect = float(frame.width), float(frame.height)
    scale = min(1.0, longest / max(aspect)) if longest else 1.0
    width, height = (max(1, round(side * scale)) for side in aspect)
    rgb = frame.reformat(width=width, height=height, format="rgb24")
    plane = rgb.planes[0]
    return Still(
        width,
        height,
        plane.line_size,
        bytes(plane),
        int(frame.rotation) % 360,
        float(frame.time or 0.0),
    )
