"""What a video file holds, according to its headers, and what is wrong with it."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.formats.containers import open_container
from studio.formats.untrusted_files import is_file
from studio.protocol import ProblemError, problem

_USUAL_RATE = Fraction(25)


class VideoFacts(Struct, frozen=True):
    """The first video stream of a file. `frames` is an estimate, 0 if even that is not known."""

    width: int
    height: int
    rate: float
    frames: int
    seconds: float


def video_facts(path: Path) -> VideoFacts:
    """Return what the headers of a video file say. Raises `ProblemError` if it is none."""
    if path.exists() and not is_file(path):
        raise unreadable(path, "not a regular file")

    try:
        with open_container(path) as container:
            stream = first_video(container)
            if stream is None:
                raise without_video(path)
            frames, seconds = frame_count(container, stream)
            return VideoFacts(
                stream.codec_context.width,
                stream.codec_context.height,
                float(frame_rate(stream)),
                frames,
                seconds,
            )
    except ProblemError:
        raise
    # FFmpeg's errors, and those of Python for odd names and numbers.
    except Exception as error:
        raise unreadable(path, f"{type(error).__name__}: {error}") from error


@lru_cache(maxsize=1000)
def video_pixels(path: str) -> int:
    """Return the pixels of all frames of a video according to its headers, 0 if unknown."""
    try:
        facts = video_facts(Path(path))
    except (ProblemError, OSError):
        return 0
    return facts.width * facts.height * facts.frames


def first_video(container: Any) -> Any | None:
    """Return the first video stream that is not a cover picture, None if there is none."""
    for stream in container.streams.video:
        if not is_cover(stream) and stream.codec_context.width and stream.codec_context.height:
            return stream
    return None


def is_cover(stream: Any) -> bool:
    """Return whether a video stream is the picture of a cover."""
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def frame_rate(stream: Any) -> Fraction:
    """Return the frames a second of a stream, a usual number if the file does not say it."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return _USUAL_RATE


def frame_count(container: Any, stream: Any) -> tuple[int, float]:
    """Return the number of frames and the seconds, as far as the headers say them."""
    seconds = 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / 1_000_000
    if not 0 < seconds < 1e7:
        seconds = 0.0
    frames = stream.frames or round(seconds * float(frame_rate(stream)))
    return max(0, frames), seconds


def without_video(path: Path) -> ProblemError:
    """Return the error for a file in which nothing is to be seen."""
    return problem(
        "bad_input",
        "{name} has no moving picture: it holds sound or subtitles only. Choose a video.",
        name=path.name,
    )


def unreadable(path: Path, detail: str) -> ProblemError:
    """Return the error for a file that cannot be opened as a video."""
    return problem(
        "bad_input",
        "{name} is not a video that can be read, or is cut off. Get another copy of it.",
        detail,
        name=path.name,
    )
