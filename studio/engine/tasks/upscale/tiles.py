"""Tile positions and blending.

Each axis of a picture is divided into overlapping spans. Inside an overlap, the weight of one
tile falls as the weight of the next one rises. The two always sum to one, so blending needs no
division and no buffer larger than one row of tiles.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
"""Shape (height, width, channels), 0 to 1."""


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in source pixels.

    Attributes:
        start, stop: the input of the network.
        low, high: the part of it that is used, within `start` to `stop`.
        rise, fall: lengths of the blending zones at the two ends of the used part.
    """

    start: int
    stop: int
    low: int
    high: int
    rise: int
    fall: int

    @property
    def source(self) -> slice:
        """The input of the network as a slice of the source."""
        return slice(self.start, self.stop)


def spans(length: int, tile: int, overlap: int, multiple: int = 1) -> tuple[Span, ...]:
    """Divide an axis into the fewest equal tiles with sufficient overlap.

    Tiles are as small as possible, rounded up to `multiple`, and not always of size `tile`: 300
    pixels are divided into two tiles of 160, not into two of 256 that overlap by 212.

    Args:
        length: length of the axis in pixels, at least 1.
        tile: the largest size of a tile.
        overlap: minimum overlap of neighbouring tiles, 1 to half of `tile`.
        multiple: preferred multiple of tile sizes.
    """
    if not 1 <= overlap <= tile // 2:
        raise ValueError(f"overlap {overlap} is not valid for tiles of {tile}")
    if length <= tile:
        return (Span(0, length, 0, length, 0, 0),)
    count = -(-(length - overlap) // (tile - overlap))
    size = -(-(length + (count - 1) * overlap) // count)
    size = min(tile, -(-size // multiple) * multiple)
    starts = [number * (length - size) // (count - 1) for number in range(count)]
    longest = 2 * overlap
    if count > 2:
        # The blending zones of a tile must not overlap each other.
        steps = (after - before for before, after in itertools.pairwise(starts))
        longest = min(longest, min(steps) - 1)
    lows, blend_lengths = [0], [0]
    for before, start in itertools.pairwise(starts):
        shared = before + size - start
        blend_length = min(shared, longest)
        lows.append((start + before + size - blend_length) // 2)
        blend_lengths.append(blend_length)
    lows.append(length)
    blend_lengths.append(0)
    return tuple(
        Span(
            start,
            start + size,
            lows[number],
            lows[number + 1] + blend_lengths[number + 1],
            blend_lengths[number],
            blend_lengths[number + 1],
        )
        for number, start in enumerate(starts)
    )


def weights(span: Span, scale: int) -> NDArray[np.float32]:
    """Return the blending weight of each enlarged pixel of the used part, 0 to 1.

    In the overlap of two spans, their weights sum to one.
    """
    weight = np.ones((span.high - span.low) * scale, np.float32)
    rise, fall = span.rise * scale, span.fall * scale
    if rise:
        weight[:rise] = (np.arange(rise, dtype=np.float32) + 0.5) / rise
    if fall:
        weight[-fall:] = 1 - (np.arange(fall, dtype=np.float32) + 0.5) / fall
    return weight


def blend(
    rows: Sequence[Span],
    columns: Sequence[Span],
    scale: int,
    tile: Callable[[Span, Span], Pixels],
) -> Iterator[Pixels]:
    """Blend enlarged tiles and yield finished bands of pixel rows from top to bottom.

    Args:
        rows, columns: the spans of the two axes.
        scale: factor by which tiles are enlarged.
        tile: returns the enlarged tile for a row and a column; called row by row, left to right.
    """
    width = columns[-1].stop * scale
    carry: Pixels | None = None
    for row in rows:
        band: Pixels | None = None
        vertical = weights(row, scale)[:, None, None]
        for column in columns:
            pixels = tile(row, column)
            if band is None:
                height = (row.high - row.low) * scale
                band = np.zeros((height, width, pixels.shape[2]), np.float32)
                if carry is not None:
                    band[: len(carry)] = carry
            used = pixels[
                (row.low - row.start) * scale : (row.high - row.start) * scale,
                (column.low - column.start) * scale : (column.high - column.start) * scale,
            ]
            weight = vertical * weights(column, scale)[None, :, None]
            band[:, column.low * scale : column.high * scale] += used * weight
        if band is None:
            return
        finished = len(band) - row.fall * scale
        carry = band[finished:].copy()
        yield band[:finished]


def largest_tile(
    budget: int, bytes_per_pixel: int, wanted: int, smallest: int, multiple: int
) -> int:
    """Return the largest side of a square tile that fits into memory, 0 if none fits.

    Args:
        budget: memory for one tile, in bytes.
        bytes_per_pixel: peak memory of the network per source pixel, in bytes.
        wanted: preferred side in pixels; the result is never larger.
        smallest: smallest useful side in pixels.
        multiple: the side must be a multiple of this.
    """
    side = min(wanted, int((max(0, budget) / max(1, bytes_per_pixel)) ** 0.5))
    side -= side % multiple
    return side if side >= smallest else 0
