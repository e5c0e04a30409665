"""Where tiles lie and how they are blended: pure arithmetic.

A picture is cut along each axis into spans that overlap. Inside an overlap the weight of one
tile falls as the weight of the next one rises, and the two always sum to one, so the blend
needs no division and no buffer larger than one row of tiles.
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
        start, stop: what the network sees.
        low, high: what of it is used, within `start` to `stop`.
        rise, fall: pixels at the two ends of the used part over which the weight changes.
    """

    start: int
    stop: int
    low: int
    high: int
    rise: int
    fall: int

    @property
    def seen(self) -> slice:
        """What the network sees, as a slice of the source."""
        return slice(self.start, self.stop)


def spans(length: int, tile: int, overlap: int, multiple: int = 1) -> tuple[Span, ...]:
    """Cut an axis into the fewest tiles of one size that overlap enough.

    The size is the smallest that does it, rounded up to `multiple`, not simply `tile`: 300
    pixels are cut into two tiles of 160, not into two of 256 that overlap by 212.

    Args:
        length: pixels of the axis, at least 1.
        tile: the largest size of a tile.
        overlap: pixels that neighbours share at least, 1 to half of `tile`.
        multiple: what the network's sizes are best a multiple of.
    """
    if not 1 <= overlap <= tile // 2:
        raise ValueError(f"overlap {overlap} does not suit tiles of {tile}")
    if length <= tile:
        return (Span(0, length, 0, length, 0, 0),)
    count = -(-(length - overlap) // (tile - overlap))
    size = -(-(length + (count - 1) * overlap) // count)
    size = min(tile, -(-size // multiple) * multiple)
    starts = [number * (length - size) // (count - 1) for number in range(count)]
    longest = 2 * overlap
    if count > 2:
        # Two blends must not reach into one another.
        steps = (after - before for before, after in itertools.pairwise(starts))
        longest = min(longest, min(steps) - 1)
    lows, fades = [0], [0]
    for before, start in itertools.pairwise(starts):
        shared = before + size - start
        fade = min(shared, longest)
        lows.append((start + before + size - fade) // 2)
        fades.append(fade)
    lows.append(length)
    fades.append(0)
    return tuple(
        Span(
            start,
            start + size,
            lows[number],
            lows[number + 1] + fades[number + 1],
            fades[number],
            fades[number + 1],
        )
        for number, start in enumerate(starts)
    )


def weights(span: Span, scale: int) -> NDArray[np.float32]:
    """Return the weight of each enlarged pixel of the used part, 0 to 1.

    Where two spans of one axis are both used, their weights sum to one.
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
    """Blend enlarged tiles, and yield the rows that are finished from top to bottom.

    Args:
        rows, columns: the spans of the two axes.
        scale: how much larger a tile comes back.
        tile: enlarges the tile at a row and a column; is called row by row, left to right.
    """
    width = columns[-1].stop * scale
    carried: Pixels | None = None
    for row in rows:
        band: Pixels | None = None
        vertical = weights(row, scale)[:, None, None]
        for column in columns:
            pixels = tile(row, column)
            if band is None:
                height = (row.high - row.low) * scale
                band = np.zeros((height, width, pixels.shape[2]), np.float32)
                if carried is not None:
                    band[: len(carried)] = carried
            used = pixels[
                (row.low - row.start) * scale : (row.high - row.start) * scale,
                (column.low - column.start) * scale : (column.high - column.start) * scale,
            ]
            weight = vertical * weights(column, scale)[None, :, None]
            band[:, column.low * scale : column.high * scale] += used * weight
        if band is None:
            return
        finished = len(band) - row.fall * scale
        carried = band[finished:].copy()
        yield band[:finished]


def largest_tile(
    budget: int, bytes_per_pixel: int, wanted: int, smallest: int, multiple: int
) -> int:
    """Return the largest side of a square tile that fits, 0 where not even the smallest does.

    Args:
        budget: bytes that a tile may take.
        bytes_per_pixel: bytes that the network takes at its peak, a source pixel.
        wanted: the side that is large enough, pixels.
        smallest: the smallest side that makes sense, pixels.
        multiple: what the side must be a multiple of.
    """
    side = min(wanted, int((max(0, budget) / max(1, bytes_per_pixel)) ** 0.5))
    side -= side % multiple
    return side if side >= smallest else 0
