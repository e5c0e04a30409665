"""Frames of a video as pictures of Qt."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QImage, QTransform

from studio.formats.videos.still import read_still


def still_image(path: Path, seconds: float | None = None, longest: int = 0) -> QImage:
    """Return the frame at a time, upright; null if there is none. Thread-safe."""
    still = read_still(path, seconds, longest)
    if still is None:
        return QImage()
    image = QImage(
        still.pixels, still.width, still.height, still.stride, QImage.Format.Format_RGB888
    ).copy()
    if still.rotation:
        return image.transformed(QTransform().rotate(-still.rotation))
    return image
