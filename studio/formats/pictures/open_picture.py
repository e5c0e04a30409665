"""Open and decode pictures with Pillow, which raises errors of many types for damaged files."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from studio.formats.pictures import png
from studio.formats.untrusted_files import read_start
from studio.protocol import ProblemError

if TYPE_CHECKING:
    from PIL import Image

UNCHECKED_PIXELS = 100_000_000
"""Smaller pictures may have any size in bytes."""
_MAX_RATIO = 10_000
"""Pixels for each byte of a larger picture. Deflate compresses 1,032 bytes to one at most, which
is 8,256 pixels of black and white."""


class PictureError(ValueError):
    """The file is damaged, no picture, or claims a size that it cannot have."""


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Raise `PictureError` for whatever Pillow raises inside for a damaged file.

    Errors of the disk (`OSError` with a number), of memory, and `ProblemError` pass.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ProblemError, PictureError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise PictureError(str(error)) from error
    except Exception as error:
        raise PictureError(f"{type(error).__name__}: {error}") from error


def open_picture(path: Path) -> Image.Image:
    """Open a picture without decoding it; a PNG may have any size that the file can hold.

    Other formats are refused above Pillow's limit: they can claim any size in a few bytes. Raises
    `OSError` if the file cannot be read, and `PictureError`.
    """
    from PIL import Image, PngImagePlugin

    with decoding():
        if read_start(path, len(png.SIGNATURE)) != png.SIGNATURE:
            return Image.open(path)
        # `Image.open` refuses very large pictures, which our own results can be.
        image = PngImagePlugin.PngImageFile(path)
        if not can_hold(path, image.width, image.height):
            image.close()
            raise PictureError("the file is too small for its size in pixels")
        return image


def can_hold(path: Path, width: int, height: int) -> bool:
    """Return whether a file is large enough for a picture of this size in pixels."""
    pixels = width * height
    try:
        return pixels <= UNCHECKED_PIXELS or pixels <= _MAX_RATIO * path.stat().st_size
    except OSError:
        return False
