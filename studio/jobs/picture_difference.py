"""Measure how much two pictures differ, pixel by pixel. Metadata is ignored.

Pillow reduces 16-bit colour to 8 bits, so PNG files are compared by their inflated pixel data
first: our own writers produce the same bytes for the same pixels.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from studio.formats.pictures import png
from studio.formats.pictures.open_picture import PictureError, decoding, open_picture

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 150_000_000
"""Larger pictures are not measured: both have to be in memory at the same time."""

_BLOCK = 1024 * 1024
_MAX_PALETTE = 768
"""Bytes."""
_ROWS_AT_ONCE = 64


class PictureDifference(Struct, frozen=True):
    """The difference between two pictures; sizes are (width, height) in pixels.

    `rmse` (root mean square error) and `largest` (difference of one channel) are on a scale of
    0 to 255 for any bit depth, over all channels; `share` is the share of differing pixels,
    0 to 1. All three are None if the sizes differ or exceed `MAX_PIXELS`.
    """

    identical: bool
    old_size: tuple[int, int]
    new_size: tuple[int, int]
    rmse: float | None = None
    largest: float | None = None
    share: float | None = None


def compare_pictures(old: Path, new: Path) -> PictureDifference:
    """Compare the pixels of two files. Raises `OSError` if one is not a readable picture."""
    try:
        return _compare(old, new)
    except PictureError as error:
        raise OSError(str(error)) from error


def _compare(old: Path, new: Path) -> PictureDifference:
    known = _pixel_data(old)
    with open_picture(old) as before, open_picture(new) as after:
        size, new_size = before.size, after.size
        if known and known == _pixel_data(new):
            return PictureDifference(True, size, new_size, 0.0, 0.0, 0.0)
        if size != new_size or size[0] * size[1] > MAX_PIXELS:
            return PictureDifference(False, size, new_size)
        with decoding():
            rmse, largest, share = _measure(before, after)
    # Pillow reduces 16 bits to 8, so it can miss differences of 16-bit PNG files.
    is_reduced = bool(known) and 16 in (_depth(old), _depth(new))
    return PictureDifference(share == 0 and not is_reduced, size, new_size, rmse, largest, share)


def _measure(before: Image.Image, after: Image.Image) -> tuple[float, float, float]:
    """Return RMSE, largest difference and share of differing pixels of two pictures of one size."""
    import numpy as np

    if before.mode != after.mode or before.mode in ("1", "P", "PA"):
        before, after = before.convert("RGBA"), after.convert("RGBA")
    old, new = np.asarray(before), np.asarray(after)
    scale = 257.0 if old.dtype.itemsize > 1 else 1.0
    squares, largest, differing = 0.0, 0.0, 0
    for top in range(0, old.shape[0], _ROWS_AT_ONCE):
        part = slice(top, top + _ROWS_AT_ONCE)
        difference = np.abs(old[part].astype(np.float64) - new[part]) / scale
        squares += float(np.square(difference).sum())
        largest = max(largest, float(difference.max()))
        by_pixel = difference if difference.ndim == 2 else difference.max(axis=2)
        differing += int(np.count_nonzero(by_pixel))
    return (squares / old.size) ** 0.5, largest, differing / (old.shape[0] * old.shape[1])


def _depth(path: Path) -> int:
    """Return the bits per channel of a PNG."""
    with path.open("rb") as file:
        return file.read(25)[-1]


def _pixel_data(path: Path) -> str:
    """Return a hash of the chunks that determine the pixels of a PNG, "" for other formats.

    Raises `OSError` if the PNG is damaged.
    """
    digest = hashlib.sha256()
    inflate = zlib.decompressobj()
    try:
        with path.open("rb") as file:
            if file.read(8) != png.SIGNATURE:
                return ""
            file.seek(0)
            for kind, length in png.chunk_headers(file):
                if kind in (b"IHDR", b"PLTE", b"tRNS"):
                    if length > _MAX_PALETTE:
                        raise png.PngError("a palette that is too long")
                    digest.update(kind + file.read(length))
                elif kind == b"IDAT":
                    _inflate(file, length, inflate, digest)
    except (png.PngError, zlib.error) as error:
        raise OSError(f"{path.name}: {error}") from error
    return digest.hexdigest()


def _inflate(file: BinaryIO, length: int, inflate: zlib._Decompress, digest: hashlib._Hash) -> None:
    while length > 0 and (data := file.read(min(length, _BLOCK))):
        length -= len(data)
        while data:
            digest.update(inflate.decompress(data, _BLOCK))
            data = inflate.unconsumed_tail
