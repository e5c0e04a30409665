"""Picture files read in background threads."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader
from PySide6.QtWidgets import QDialog

from studio.formats.pictures.open_picture import can_hold
from studio.formats.suffixes import VIDEO
from studio.ui.style.translations import tr

MAX_SHOWN_PIXELS = 40_000_000
"""Larger pictures are downscaled when read, to save memory."""

# PySide makes the classes of enums when they are first used. Two threads that do so at the same
# time crash the process, so it is done here, once.
_ROTATE_90 = QImageIOHandler.Transformation.TransformationRotate90.value
_ARGB32, _RGB32 = QImage.Format.Format_ARGB32_Premultiplied, QImage.Format.Format_RGB32
_KEEP_RATIO = Qt.AspectRatioMode.KeepAspectRatio


def read_picture(path: str, bound: QSize | None = None) -> tuple[QImage, QSize, str]:
    """Read a picture in its EXIF orientation, downscaled to `bound` and `MAX_SHOWN_PIXELS`.

    Returns the picture (null on failure), its full size in pixels and the error message.
    """
    if Path(path).suffix.lower() in VIDEO:
        return _read_still(path, bound)
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    reader.setAllocationLimit(0)
    stored = reader.size()
    if stored.isValid() and not can_hold(Path(path), stored.width(), stored.height()):
        # Some readers take memory for the size that a file claims.
        return (
            QImage(),
            QSize(),
            tr("The file is damaged: it is too small for the size that it claims."),
        )
    if stored.isValid():
        target = QSize(stored)
        turned = QSize(bound) if bound is not None else None
        if turned is not None and reader.transformation().value & _ROTATE_90:
            turned.transpose()
        if turned is not None and (
            stored.width() > turned.width() or stored.height() > turned.height()
        ):
            target.scale(turned, _KEEP_RATIO)
        pixels = target.width() * target.height()
        if pixels > MAX_SHOWN_PIXELS:
            target *= (MAX_SHOWN_PIXELS / pixels) ** 0.5
        if target != stored:
            reader.setScaledSize(target.expandedTo(QSize(1, 1)))
    image = reader.read()
    if image.isNull():
        return image, QSize(), reader.errorString()
    if image.depth() > 32:
        image = image.convertToFormat(_ARGB32 if image.hasAlphaChannel() else _RGB32)
    size = QSize(stored) if stored.isValid() else image.size()
    if stored.isValid() and reader.transformation().value & _ROTATE_90:
        size.transpose()
    return image, size, ""


def _read_still(path: str, bound: QSize | None) -> tuple[QImage, QSize, str]:
    """Read the frame that stands for a video."""
    from studio.ui.media.picture.video_still import still_image

    image = still_image(Path(path), longest=max(bound.width(), bound.height()) if bound else 0)
    if image.isNull():
        return image, QSize(), tr("No frame of the video can be shown.")
    return image, image.size(), ""


class _ReadTask(QRunnable):
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
    """Reads pictures in a thread pool; a new request for a key replaces the previous one."""

    loaded = Signal(str, str, QImage, QSize)
    """key, path, picture, full size"""
    failed = Signal(str, str, str)
    """key, path, error message"""
    finished = Signal(int, str, QImage, QSize, str)

    def __init__(self, parent: QObject | None = None, threads: int = 2) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._next_ticket = 0
        self._pending: dict[int, str] = {}
        self._latest: dict[str, int] = {}
        self.finished.connect(self._deliver)

    def request(self, key: str, path: str, bound: QSize | None = None) -> None:
        """Read `path` for `key`; a pending request for the same key is dropped."""
        self._next_ticket += 1
        previous = self._latest.get(key)
        if previous is not None:
            self._pending.pop(previous, None)
        self._latest[key] = self._next_ticket
        self._pending[self._next_ticket] = key
        self._pool.start(_ReadTask(self, path, bound, self._next_ticket))

    def stop_when_closed(self, dialog: QDialog) -> None:
        """Stop when the dialog is closed."""
        dialog.finished.connect(self.stop)

    def forget(self, key: str) -> None:
        """Drop the pending request for `key`."""
        ticket = self._latest.pop(key, None)
        if ticket is not None:
            self._pending.pop(ticket, None)

    def is_pending(self, ticket: int) -> bool:
        """Return whether a request has not been dropped; callable from any thread."""
        return ticket in self._pending

    def stop(self) -> None:
        """Drop all requests and wait for reads in progress."""
        self._pending.clear()
        self._latest.clear()
        self._pool.clear()
        self._pool.waitForDone()

    def _deliver(self, ticket: int, path: str, image: QImage, size: QSize, error: str) -> None:
        key = self._pending.pop(ticket, None)
        if key is None:
            return
        self._latest.pop(key, None)
        if error:
            self.failed.emit(key, path, error)
        else:
            self.loaded.emit(key, path, image, size)
