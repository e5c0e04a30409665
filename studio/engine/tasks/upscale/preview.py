"""Previews of a partially enlarged picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.upscale.picture import Picture
from studio.engine.tasks.upscale.tiles import Pixels

_LONGEST_SIDE = 512
_INTERVAL_SECONDS = 1.0
_DIM_FACTOR = 0.35


class PartialPreview:
    """Shows the finished tiles over the dimmed original, about once a second.

    Args:
        job: receives the previews.
        picture: the original.
        scale: factor by which tiles are enlarged.
        clock: returns the time in seconds; replaced by tests.
    """

    def __init__(
        self,
        job: Job,
        picture: Picture,
        scale: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        height, width = picture.pixels.shape[:2]
        self._job = job
        self._clock = clock
        self._shown = clock()
        self._scale = scale
        self._ratio: float = min(scale, _LONGEST_SIDE / max(height, width))
        self._size = (self._length(width), self._length(height))
        # For a background, every nth pixel is enough, and fast even for large pictures.
        step = max(1, int(1 / self._ratio) // 2)
        every = slice(None, None, step)
        sparse = picture.as_floats(every, every)
        if picture.has_alpha:
            sparse[..., -1] *= _DIM_FACTOR
        else:
            sparse *= _DIM_FACTOR
        self._suffix = ".png" if picture.has_alpha else ".jpg"
        self._canvas = _image(sparse).resize(self._size, Image.Resampling.BOX)

    def add(self, top: int, left: int, tile: Pixels) -> None:
        """Draw an enlarged tile whose corner is at `top`, `left` in pixels of the original."""
        height, width = (side // self._scale for side in tile.shape[:2])
        x, y = round(left * self._ratio), round(top * self._ratio)
        right, bottom = round((left + width) * self._ratio), round((top + height) * self._ratio)
        if right > x and bottom > y:
            small = _image(tile).resize((right - x, bottom - y), Image.Resampling.BOX)
            self._canvas.paste(small, (x, y))
        now = self._clock()
        if now - self._shown >= _INTERVAL_SECONDS:
            self._shown = now
            self._job.preview(0, self._save, self._suffix)

    def _save(self, path: Path) -> None:
        self._canvas.save(path)

    def _length(self, side: int) -> int:
        return max(1, int(side * self._ratio + 0.5))


def _image(pixels: Pixels) -> Image.Image:
    samples = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
