"""Write a PNG row by row, with 8 or 16 bits per channel.

Pillow needs the whole picture in memory and does not support 16-bit colour.
Format: https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from studio.formats.pictures.png import SIGNATURE, Chunk, chunk

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_ROWS_AT_ONCE = 32
# Three times as fast as level 6, which saves 1 % on filtered photographs.
_LEVEL = 4
_IDAT_SIZE = 1 << 18


class PngWriter:
    """Context manager that writes one picture from top to bottom.

    Args:
        path: the file, overwritten if it exists.
        width, height: pixels.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
        bits: 8 or 16.
        chunks: inserted before the pixels, e.g. a colour profile.

    Raises:
        OSError: the file cannot be written. The caller removes the incomplete file.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        channels: int,
        bits: int,
        chunks: Iterable[Chunk] = (),
    ) -> None:
        self._path = path
        self._height = height
        self._pixel_bytes = channels * bits // 8
        self._is_16_bit = bits == 16
        self._previous = np.zeros(width * self._pixel_bytes, np.uint8)
        self._written = 0
        self._pending = bytearray()
        self._deflate = zlib.compressobj(_LEVEL, strategy=zlib.Z_FILTERED)
        header = struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPES[channels], 0, 0, 0)
        self._chunks = [(b"IHDR", header), *chunks]

    def __enter__(self) -> PngWriter:
        self._file: BinaryIO = self._path.open("wb")
        self._file.write(SIGNATURE)
        for kind, data in self._chunks:
            self._file.write(chunk(kind, data))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                if self._written != self._height:
                    raise ValueError(f"{self._written} rows of {self._height} were written")
                self._pending += self._deflate.flush()
                self._flush(0)
                self._file.write(chunk(b"IEND", b""))
        finally:
            self._file.close()

    def write(self, rows: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Append rows, shape (rows, width, channels), with the bits given to the constructor."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            if self._is_16_bit:
                part = part.astype(">u2")
            raw = np.ascontiguousarray(part).view(np.uint8).reshape(len(part), -1)
            filtered = filter_rows(raw, self._previous, self._pixel_bytes)
            self._previous = raw[-1].copy()
            self._pending += self._deflate.compress(filtered.tobytes())
            self._written += len(part)
            self._flush(_IDAT_SIZE)

    def _flush(self, threshold: int) -> None:
        if len(self._pending) > threshold:
            self._file.write(chunk(b"IDAT", bytes(self._pending)))
            self._pending.clear()


def filter_rows(
    rows: NDArray[np.uint8], previous: NDArray[np.uint8], pixel_bytes: int
) -> NDArray[np.uint8]:
    """Filter each row with the filter type that minimises the sum of absolute differences.

    Args:
        rows: bytes of the rows, shape (rows, bytes).
        previous: bytes of the row above the first one.
        pixel_bytes: bytes per pixel.

    Returns shape (rows, 1 + bytes), each row starting with its filter type.
    """
    up = np.concatenate([previous[None], rows[:-1]])
    left, corner = np.zeros_like(rows), np.zeros_like(rows)
    left[:, pixel_bytes:] = rows[:, :-pixel_bytes]
    corner[:, pixel_bytes:] = up[:, :-pixel_bytes]
    a, b, c = left.astype(np.int16), up.astype(np.int16), corner.astype(np.int16)
    to_left, to_up = np.abs(b - c), np.abs(a - c)
    to_corner = np.abs(a + b - 2 * c)
    paeth = np.where(
        (to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner)
    )
    candidates = np.stack(
        [rows, rows - left, rows - up, rows - ((a + b) >> 1).astype(np.uint8), rows - paeth]
    )
    sizes = np.minimum(candidates, 0 - candidates).sum(axis=2, dtype=np.int64)
    best = sizes.argmin(axis=0)
    chosen = candidates[best, np.arange(len(rows))]
    return np.concatenate([best[:, None].astype(np.uint8), chosen], axis=1)
