"""Open and decode pictures with Pillow, which raises errors of many types for damaged files."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from studio.formats import png
from studio.formats.untrusted_files import read_start
from studio.protocol import ProblemError

if TYPE_CHECKING:
    from PIL import Image

_MAX_RATIO = 1_100
"""Deflate compresses at most 1,032 bytes to one."""


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
        bits = 1 if image.mode == "1" else 8 * len(image.getbands())
        if image.width * image.height * bits // 8 > _MAX_RATIO * path.stat().st_size:
            image.close()
            raise PictureError("the file is too small for its size in pixels")
        return image
