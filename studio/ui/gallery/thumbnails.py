"""Small pictures of results, read when they come into sight, those seen last first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPixmap

from studio.ui.shell.background import Background

SIDE = 96
"""Pixels of a thumbnail's longer side: 48 on the screen, sharp at 200 %."""

KEPT = 400
WAITING = 40
"""Thumbnails that wait to be read; who scrolled past more of them gets them on the way back."""

AT_ONCE = 2


def read_thumbnail(path: str, side: int) -> QImage:
    """Return a small picture, null where the file cannot be read. Safe on any thread."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if not image.isNull() and max(image.width(), image.height()) > side:
        image = image.scaled(
            side,
            side,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return image


class Thumbnails:
    """Keeps the `KEPT` thumbnails used last. `arrived(number)` follows what `get` did not have.

    Results are named by their number in the library; a file never changes under its number.
    """

    def __init__(
        self, background: Background, owner: QObject, arrived: Callable[[int], object]
    ) -> None:
        self._background = background
        self._owner = owner
        self._arrived = arrived
        self._kept: OrderedDict[int, QPixmap | None] = OrderedDict()
        self._waiting: OrderedDict[int, str] = OrderedDict()
        self._reading: set[int] = set()

    def get(self, number: int, path: str) -> QPixmap | None:
        """Return the thumbnail, or None while it is read and where it cannot be."""
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        if number not in self._reading:
            self._waiting[number] = path
            self._waiting.move_to_end(number)
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
            self._read()
        return None

    def _read(self) -> None:
        while self._waiting and len(self._reading) < AT_ONCE:
            number, path = self._waiting.popitem()
            self._reading.add(number)
            self._start(number, path)

    def _start(self, number: int, path: str) -> None:
        def keep(image: QImage) -> None:
            self._reading.discard(number)
            self._kept[number] = None if image.isNull() else QPixmap.fromImage(image)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            if not image.isNull():
                self._arrived(number)
            self._read()

        self._background.read(self._owner, lambda: read_thumbnail(path, SIDE), keep)
