"""Reading pictures off the window's thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader
from PySide6.QtWidgets import QDialog

SHOWN_PIXELS = 40_000_000
"""Larger pictures are shown from a smaller copy, so that the window stays light."""


def read_picture(path: str, bound: QSize | None = None) -> tuple[QImage, QSize, str]:
    """Read a picture, upright, not larger than `bound` or `SHOWN_PIXELS`.

    Returns the picture (null on failure), its true size in pixels and what went wrong.
    """
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    reader.setAllocationLimit(0)
    stored = reader.size()
    if stored.isValid():
        target = QSize(stored)
        turned = QSize(bound) if bound is not None else None
        if turned is not None and reader.transformation().value & 4:
            turned.transpose()
        if turned is not None and (
            stored.width() > turned.width() or stored.height() > turned.height()
        ):
            target.scale(turned, Qt.AspectRatioMode.KeepAspectRatio)
        pixels = target.width() * target.height()
        if pixels > SHOWN_PIXELS:
            target *= (SHOWN_PIXELS / pixels) ** 0.5
        if target != stored:
            reader.setScaledSize(target.expandedTo(QSize(1, 1)))
    image = reader.read()
    if image.isNull():
        return image, QSize(), reader.errorString()
    if image.depth() > 32:
        image = image.convertToFormat(
            QImage.Format.Format_ARGB32_Premultiplied
            if image.hasAlphaChannel()
            else QImage.Format.Format_RGB32
        )
    size = QSize(stored) if stored.isValid() else image.size()
    if stored.isValid() and reader.transformation().value & 4:
        size.transpose()
    return image, size, ""


class _Reading(QRunnable):
    def __init__(self, loader: PictureLoader, path: str, bound: QSize | None, ticket: int) -> None:
        super().__init__()
        self._loader = loader
        self._path = path
        self._bound = bound
        self._ticket = ticket

    def run(self) -> None:
        if self._loader.is_pending(self._ticket):
            image, size, error = read_picture(self._path, self._bound)
            self._loader.finished.emit(self._ticket, self._path, image, size, error)


class PictureLoader(QObject):
    """Reads pictures in a few threads; the last request of a key is the one that counts."""

    loaded = Signal(str, str, QImage, QSize)
    """key, path, picture, true size"""
    failed = Signal(str, str, str)
    """key, path, what went wrong"""
    finished = Signal(int, str, QImage, QSize, str)

    def __init__(self, parent: QObject | None = None, threads: int = 2) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._next = 0
        self._wanted: dict[int, str] = {}
        self._latest: dict[str, int] = {}
        self.finished.connect(self._deliver)

    def request(self, key: str, path: str, bound: QSize | None = None) -> None:
        """Read `path` for `key`; an older request of the same key is forgotten."""
        self._next += 1
        previous = self._latest.get(key)
        if previous is not None:
            self._wanted.pop(previous, None)
        self._latest[key] = self._next
        self._wanted[self._next] = key
        self._pool.start(_Reading(self, path, bound, self._next))

    def stop_when_closed(self, dialog: QDialog) -> None:
        """Stop as soon as a dialog is closed."""
        dialog.finished.connect(self.stop)

    def forget(self, key: str) -> None:
        """Drop what is still to come for `key`."""
        ticket = self._latest.pop(key, None)
        if ticket is not None:
            self._wanted.pop(ticket, None)

    def is_pending(self, ticket: int) -> bool:
        """Tell, from any thread, whether a request still counts."""
        return ticket in self._wanted

    def stop(self) -> None:
        """Forget everything and wait for the reads that are under way."""
        self._wanted.clear()
        self._latest.clear()
        self._pool.clear()
        self._pool.waitForDone()

    def _deliver(self, ticket: int, path: str, image: QImage, size: QSize, error: str) -> None:
        key = self._wanted.pop(ticket, None)
        if key is None:
            return
        self._latest.pop(key, None)
        if error:
            self.failed.emit(key, path, error)
        else:
            self.loaded.emit(key, path, image, size)
