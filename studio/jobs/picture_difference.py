"""How far two pictures of one request are apart: pixel by pixel, nothing else of the files.

Pillow reads 16-bit colour as 8 bits, so what tells "identical" for PNG is the inflated pixel
data itself: our own writers give the same bytes for the same pixels.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from studio.formats import png

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 150_000_000
"""Pixels up to which a difference is measured. Both pictures are held in memory for it."""

_BLOCK = 1024 * 1024
_ROWS_AT_ONCE = 64


class PictureDifference(Struct, frozen=True):
    """What differs between two pictures; sizes are (width, height) in pixels.

    `rmse` and `largest` are on a scale of 0 to 255 whatever the depth, over all channels;
    `share` (0 to 1) is that of the pixels that are not the same. All three are None where the
    sizes differ, or where the pictures are larger than `LARGEST`.
    """

    identical: bool
    old_size: tuple[int, int]
    new_size: tuple[int, int]
    rmse: float | None = None
    largest: float | None = None
    share: float | None = None


def compare_pictures(old: Path, new: Path) -> PictureDifference:
    """Compare the pixels of two files. Raises `OSError` where one cannot be read as a picture."""
    known = _pixel_data(old)
    with _opened(old) as before, _opened(new) as after:
        size, new_size = before.size, after.size
        if known and known == _pixel_data(new):
            return PictureDifference(True, size, new_size, 0.0, 0.0, 0.0)
        if size != new_size or size[0] * size[1] > LARGEST:
            return PictureDifference(False, size, new_size)
        rmse, largest, share = _measure(before, after)
    # Where Pillow has cut 16 bits to 8, no difference that it sees is not yet none at all.
    is_cut = bool(known) and 16 in (_depth(old), _depth(new))
    return PictureDifference(share == 0 and not is_cut, size, new_size, rmse, largest, share)


def _opened(path: Path) -> Image.Image:
    from PIL import Image, PngImagePlugin

    if _is_png(path):
        # `Image.open` refuses large pictures, of which ours may be one.
        try:
            return PngImagePlugin.PngImageFile(path)
        except (SyntaxError, ValueError, struct.error) as error:
            raise OSError(f"{path.name}: {error}") from error
    try:
        return Image.open(path)
    except Image.DecompressionBombError as error:
        raise OSError(f"{path.name}: {error}") from error


def _measure(before: Image.Image, after: Image.Image) -> tuple[float, float, float]:
    """Return RMSE, largest difference, and share of differing pixels of two equal sizes."""
    import numpy as np

    if before.mode != after.mode or before.mode in ("1", "P", "PA"):
        before, after = before.convert("RGBA"), after.convert("RGBA")
    old, new = np.asarray(before), np.asarray(after)
    scale = 257.0 if old.dtype.itemsize > 1 else 1.0
    squares, largest, differing = 0.0, 0.0, 0
    for top in range(0, old.shape[0], _ROWS_AT_ONCE):
        part = slice(top, top + _ROWS_AT_ONCE)
        apart = np.abs(old[part].astype(np.float64) - new[part]) / scale
        squares += float(np.square(apart).sum())
        largest = max(largest, float(apart.max()))
        by_pixel = apart if apart.ndim == 2 else apart.max(axis=2)
        differing += int(np.count_nonzero(by_pixel))
    return (squares / old.size) ** 0.5, largest, differing / (old.shape[0] * old.shape[1])


def _is_png(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == png.SIGNATURE


def _depth(path: Path) -> int:
    """Return the bits a channel of a PNG."""
    with path.open("rb") as file:
        return file.read(25)[-1]


def _pixel_data(path: Path) -> str:
    """Return a hash of everything that decides the pixels of a PNG; "" for another format.

    Raises `OSError` where the PNG is damaged.
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
