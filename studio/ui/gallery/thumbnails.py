"""Thumbnails of results, read on demand, the most recently requested first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPixmap

from studio.formats.pictures.open_picture import can_hold
from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.sounds import peaks
from studio.formats.sounds.comments import PEAKS
from studio.formats.suffixes import AUDIO, VIDEO
from studio.kinds.kind import Medium
from studio.ui.media.picture.backing import backed
from studio.ui.shell.background import Background

SIDE = 96
"""Longer side of a thumbnail in pixels: 48 on screen, sharp at 200 %."""

CACHED = 400
WAITING = 40
"""Maximum number of pending reads; older ones are dropped and requested again when painted."""

AT_ONCE = 2

SHOWN = (Medium.PICTURE, Medium.AUDIO, Medium.VIDEO)
"""Media whose results have a thumbnail: the picture, the waveform, a frame."""


def read_thumbnail(path: str, side: int) -> QImage:
    """Return a picture scaled down to `side` pixels, null if unreadable. Thread-safe.

    A dark or light drawing on transparent ground has a colour behind it on which it is seen.
    """
    if Path(path).suffix.lower() in AUDIO:
        return _read_waveform(path, side)
    if Path(path).suffix.lower() in VIDEO:
        from studio.ui.media.picture.video_still import still_image

        return still_image(Path(path), longest=side)
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and not can_hold(Path(path), size.width(), size.height()):
        return QImage()
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
    return backed(image)


def _read_waveform(path: str, side: int) -> QImage:
    """Return the waveform that a sound file holds, null if it holds none."""
    from studio.ui.media.sound.waveform import waveform_image

    try:
        texts = read_embedded(Path(path)).texts
    except OSError:
        return QImage()
    return waveform_image(peaks.from_text(texts.get(PEAKS, "")), side)


class Thumbnails:
    """A cache of the `CACHED` most recently used thumbnails.

    `loaded(number)` is called when a thumbnail that `get` did not have has been read. Results are
    identified by their number in the library; the file of a number never changes.
    """

    def __init__(
        self, background: Background, owner: QObject, loaded: Callable[[int], object]
    ) -> None:
        self._background = background
        self._owner = owner
        self._loaded = loaded
        self._cache: OrderedDict[int, QPixmap | None] = OrderedDict()
        self._waiting: OrderedDict[int, str] = OrderedDict()
        self._reading: set[int] = set()

    def get(self, number: int, path: str) -> QPixmap | None:
        """Return the thumbnail, or None while it is being read or if it is unreadable."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
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
        def done(image: QImage) -> None:
            self._reading.discard(number)
            self._cache[number] = None if image.isNull() else QPixmap.fromImage(image)
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
            if not image.isNull():
                self._loaded(number)
            self._read()

        self._background.read(self._owner, lambda: read_thumbnail(path, SIDE), done)
