"""Draws the frames of a film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.composition.canvas import Canvas, make_canvas, plain_picture, still_canvas
from studio.composition.timeline import Timeline
from studio.formats.pictures.open_picture import PictureError
from studio.kinds.film import Shot

Frame = NDArray[np.uint8]
_KEPT = 2
"""Pictures in memory: two are seen at a time at most."""


class FrameDrawer:
    """Draws frames; each picture is read when the first frame that shows it is drawn.

    Args:
        pictures: the paths of the pictures, None for one that cannot be read.
        damaged: called with the path of a picture that turns out to be damaged.
        blank: returns what is seen of a shot, by its place, without a picture that can be read.

    One thread may prepare shots while another draws.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        pictures: Sequence[Path | None],
        timeline: Timeline,
        fit: str,
        size: tuple[int, int],
        damaged: Callable[[Path], None],
        blank: Callable[[int], Image.Image] | None = None,
    ) -> None:
        self._shots = shots
        self._pictures = pictures
        self._timeline = timeline
        self._fit = fit
        self._size = size
        self._damaged = damaged
        self._blank = blank or (lambda _: plain_picture(size))
        self._canvases: dict[int, Canvas] = {}
        self._lock = Lock()
        self._still: tuple[int, Frame] | None = None

    def draw(self, number: int) -> Frame:
        """Return the pixels of a frame in RGB. Raises `OSError`."""
        seen = self._timeline.at(number)
        if len(seen) == 1:
            shot = seen[0].shot
            canvas = self._canvas(shot)
            if not canvas.move.is_still:
                return _pixels(canvas.frame(seen[0].time, self._size))
            if self._still is None or self._still[0] != shot:
                self._still = shot, _pixels(canvas.frame(0.0, self._size))
            return self._still[1]
        first, second = (self._canvas(each.shot).frame(each.time, self._size) for each in seen)
        return _pixels(Image.blend(first, second, seen[1].share))

    def prepare(self, shot: int) -> None:
        """Read the picture of a shot before a frame shows it. Raises `OSError`."""
        with self._lock:
            is_there = shot in self._canvases
        if not is_there:
            self._keep(shot, self._made(shot))

    def _canvas(self, shot: int) -> Canvas:
        with self._lock:
            found = self._canvases.pop(shot, None)
        if found is None:
            found = self._made(shot)
        self._keep(shot, found)
        return found

    def _keep(self, shot: int, canvas: Canvas) -> None:
        with self._lock:
            self._canvases.pop(shot, None)
            while len(self._canvases) >= _KEPT:
                del self._canvases[next(iter(self._canvases))]
            self._canvases[shot] = canvas

    def _made(self, number: int) -> Canvas:
        shot = self._shots[number]
        path = self._pictures[shot.picture]
        seconds = float(self._timeline.span(number) / self._timeline.rate)
        if path is not None:
            try:
                motion = shot.motion or "auto"
                return make_canvas(path, number, motion, seconds, self._fit, self._size)
            except (PictureError, FileNotFoundError, MemoryError):
                self._damaged(path)
        return still_canvas(self._blank(number))


def _pixels(image: Image.Image) -> Frame:
    return np.asarray(image, dtype=np.uint8)
