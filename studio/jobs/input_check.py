"""Check that an input file is readable, before a job is created for it."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path

from studio.formats.sounds.recording import opened_recording
from studio.formats.untrusted_files import is_file
from studio.kinds.kind import Medium
from studio.protocol import Problem, ProblemError, Sentence, sentence

_DECODED_PIXELS = 50_000_000
"""Of larger pictures only the header is read, to keep the check fast."""


def input_problem(path: Path, media: Collection[Medium]) -> Problem | None:
    """Return why a file cannot be used as an input of any of these media, None if it can.

    Pictures are decoded; of sounds and videos the header is read.
    """
    if Medium.PICTURE in media:
        return picture_problem(path)
    if Medium.AUDIO in media:
        return recording_problem(path)
    return video_problem(path) if Medium.VIDEO in media else None


def video_problem(path: Path) -> Problem | None:
    """Return why a file cannot be used as an input video, None if it can."""
    from studio.formats.videos.probe import video_facts

    try:
        video_facts(path)
    except ProblemError as error:
        return error.problem
    except OSError as error:
        return _bad(
            sentence(
                "{name} cannot be opened. Check that it is a file and that you have permission to"
                " read it.",
                name=path.name,
            ),
            error,
        )
    return None


def recording_problem(path: Path) -> Problem | None:
    """Return why nothing can be heard in a file, None if its header says that something can."""
    try:
        with opened_recording(path):
            return None
    except ProblemError as error:
        return error.problem


def picture_problem(path: Path) -> Problem | None:
    """Return why a file cannot be used as an input picture, None if it can.

    Verifies the checksums of a PNG, and decodes other formats at the lowest resolution possible.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.exists() and not is_file(path):
                raise IsADirectoryError("not a regular file")  # opening a pipe would block
            with Image.open(path) as image:
                if image.format == "PNG":
                    image.verify()
                elif image.width * image.height <= _DECODED_PIXELS:
                    # `draft` works for JPEG only; other formats are decoded in full.
                    image.draft(None, (1, 1))
                    image.load()
    except Image.DecompressionBombError:
        return None  # The engine checks the size.
    except FileNotFoundError as error:
        return _bad(
            sentence(
                "The picture {name} is no longer at {path}. Choose it again.",
                name=path.name,
                path=path,
            ),
            error,
        )
    except (PermissionError, IsADirectoryError) as error:
        return _bad(
            sentence(
                "{name} cannot be opened. Check that it is a file and that you have permission to"
                " read it.",
                name=path.name,
            ),
            error,
        )
    except UnidentifiedImageError as error:
        return _bad(
            sentence(
                "{name} is not a picture that can be read. Use PNG, JPEG, WebP, TIFF, AVIF, GIF or"
                " BMP.",
                name=path.name,
            ),
            error,
        )
    except MemoryError:
        return None
    except Exception as error:
        # Decoders raise many types of errors for damaged files.
        return _bad(
            sentence(
                "{name} is damaged or incomplete and cannot be read. Get another copy of it.",
                name=path.name,
            ),
            error,
        )
    return None


def _bad(message: Sentence, error: Exception) -> Problem:
    return Problem("bad_input", message, f"{type(error).__name__}: {error}")
