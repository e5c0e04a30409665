"""Writing PNG row by row, 8 or 16 bits a channel.

Pillow holds the whole picture in memory at once and writes no 16-bit colour. Source of the
format: https://www.w3.org/TR/png-3/
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

from studio.formats.png import SIGNATURE, Chunk, chunk

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_ROWS_AT_ONCE = 32
# Three times as fast as 6 on filtered photographs, which come out 1 % smaller.
_LEVEL = 4
_IDAT_SIZE = 1 << 18


class PngWriter:
    """Writes one picture from top to bottom. Use it as a context manager.

    Args:
        path: the file, which is replaced.
        width, height: pixels.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
        bits: 8 or 16.
        chunks: what goes before the pixels, e.g. a colour profile.

    Raises:
        OSError: the file cannot be written. It is left as it is; the caller removes it.
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
        self._pixel = channels * bits // 8
        self._wide = bits == 16
        self._previous = np.zeros(width * self._pixel, np.uint8)
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
                self._send(0)
                self._file.write(chunk(b"IEND", b""))
        finally:
            self._file.close()

    def write(self, rows: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Append rows, shape (rows, width, channels), 8 or 16 bits as announced."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            if self._wide:
                part = part.astype(">u2")
            plain = np.ascontiguousarray(part).view(np.uint8).reshape(len(part), -1)
            filtered = filter_rows(plain, self._previous, self._pixel)
            self._previous = plain[-1].copy()
            self._pending += self._deflate.compress(filtered.tobytes())
            self._written += len(part)
            self._send(_IDAT_SIZE)

    def _send(self, at_least: int) -> None:
        if len(self._pending) > at_least:
            self._file.write(chunk(b"IDAT", bytes(self._pending)))
            self._pending.clear()


def filter_rows(
    rows: NDArray[np.uint8], previous: NDArray[np.uint8], pixel: int
) -> NDArray[np.uint8]:
    """Return each row under the filter that leaves the smallest numbers, its type in front.

    Args:
        rows: bytes of the rows, shape (rows, bytes).
        previous: the row above the first one.
        pixel: bytes a pixel.
    """
    up = np.concatenate([previous[None], rows[:-1]])
    left, corner = np.zeros_like(rows), np.zeros_like(rows)
    left[:, pixel:], corner[:, pixel:] = rows[:, :-pixel], up[:, :-pixel]
    a, b, c = left.astype(np.int16), up.astype(np.int16), corner.astype(np.int16)
    to_left, to_up = np.abs(b - c), np.abs(a - c)
    to_corner = np.abs(a + b - 2 * c)
    nearest = np.where(
        (to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner)
    )
    candidates = np.stack(
        [rows, rows - left, rows - up, rows - ((a + b) >> 1).astype(np.uint8), rows - nearest]
    )
    sizes = np.minimum(candidates, 0 - candidates).sum(axis=2, dtype=np.int64)
    best = sizes.argmin(axis=0)
    chosen = candidates[best, np.arange(len(rows))]
    return np.concatenate([best[:, None].astype(np.uint8), chosen], axis=1)
