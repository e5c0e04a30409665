"""The colour behind a drawing on transparent ground that would not be seen in one of the themes."""

from __future__ import annotations

from PySide6.QtGui import QColor, QImage, QPainter

_SAMPLES = 24
"""Samples along each side."""
_MOST_COVERED = 0.75
"""Share of the picture that is opaque from which it is no drawing on transparent ground."""
_DARK, _LIGHT = 80, 200
"""Mean lightness, of 255, below and above which a drawing is not seen on dark and light ground."""
_BEHIND_DARK, _BEHIND_LIGHT = "#f4f4f5", "#27272a"

# PySide makes the classes of enums when they are first used, which two threads must not do at once.
_RGB32 = QImage.Format.Format_RGB32


def backing_of(image: QImage) -> QColor | None:
    """Return the colour to be put behind a picture, None if it needs none. Thread-safe."""
    if image.isNull() or not image.hasAlphaChannel():
        return None
    width, height = image.width(), image.height()
    covered = light = 0.0
    for y in range(_SAMPLES):
        for x in range(_SAMPLES):
            at = (2 * x + 1) * width // (2 * _SAMPLES), (2 * y + 1) * height // (2 * _SAMPLES)
            colour = image.pixelColor(*at)
            alpha = colour.alphaF()
            covered += alpha
            light += alpha * (11 * colour.red() + 16 * colour.green() + 5 * colour.blue()) / 32
    if not 0 < covered <= _MOST_COVERED * _SAMPLES**2:
        return None
    mean = light / covered
    if mean < _DARK:
        return QColor(_BEHIND_DARK)
    return QColor(_BEHIND_LIGHT) if mean > _LIGHT else None


def backed(image: QImage) -> QImage:
    """Return a picture with the colour behind it that it needs. Thread-safe."""
    colour = backing_of(image)
    if colour is None:
        return image
    made = QImage(image.size(), _RGB32)
    made.fill(colour)
    painter = QPainter(made)
    painter.drawImage(0, 0, image)
    painter.end()
    return made
