"""A small picture of how far the work has come."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.upscale.picture import Picture
from studio.engine.tasks.upscale.tiles import Pixels

_SIDE = 512
_SECONDS = 1.0
_DIMMED = 0.35


class PartialPreview:
    """Shows the original, dimmed, and the tiles that are done over it, about once a second.

    Args:
        job: takes the previews.
        picture: the original.
        scale: how much larger the tiles are.
        clock: seconds; replaced by tests.
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
        self._ratio: float = min(scale, _SIDE / max(height, width))
        self._size = (self._length(width), self._length(height))
        # Every nth pixel is enough for a backdrop, and costs nothing on a large picture.
        step = max(1, int(1 / self._ratio) // 2)
        every = slice(None, None, step)
        sparse = picture.light(every, every)
        if picture.has_alpha:
            sparse[..., -1] *= _DIMMED
        else:
            sparse *= _DIMMED
        self._suffix = ".png" if picture.has_alpha else ".jpg"
        self._canvas = _image(sparse).resize(self._size, Image.Resampling.BOX)

    def add(self, top: int, left: int, tile: Pixels) -> None:
        """Paint an enlarged tile whose corner lies at `top`, `left` of the original's pixels."""
        height, width = (side // self._scale for side in tile.shape[:2])
        x, y = round(left * self._ratio), round(top * self._ratio)
        right, bottom = round((left + width) * self._ratio), round((top + height) * self._ratio)
        if right > x and bottom > y:
            small = _image(tile).resize((right - x, bottom - y), Image.Resampling.BOX)
            self._canvas.paste(small, (x, y))
        now = self._clock()
        if now - self._shown >= _SECONDS:
            self._shown = now
            self._job.preview(0, self._save, self._suffix)

    def _save(self, path: Path) -> None:
        self._canvas.save(path)

    def _length(self, side: int) -> int:
        return max(1, int(side * self._ratio + 0.5))


def _image(pixels: Pixels) -> Image.Image:
    whole = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(whole[..., 0] if whole.shape[2] == 1 else whole)
