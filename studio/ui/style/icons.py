"""Lucide icons in the text colour.

They are rendered with the current palette, so they follow the colour scheme.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPalette,
    QPixmap,
)

from studio.settings import RESOURCES

Tint = Literal["text", "muted", "on_accent"]

_ROLES: dict[Tint, QPalette.ColorRole] = {
    "text": QPalette.ColorRole.ButtonText,
    "muted": QPalette.ColorRole.PlaceholderText,
    "on_accent": QPalette.ColorRole.HighlightedText,
}


@cache
def icon(name: str, tint: Tint = "text") -> QIcon:
    """Return the Lucide icon `name` (resources/icons/<name>.svg). Raises FileNotFoundError."""
    source = (RESOURCES / "icons" / f"{name}.svg").read_bytes()
    return QIcon(_LucideEngine(source, tint))


def icon_pixmap(name: str, side: int, colour: QColor, ratio: float = 1.0) -> QPixmap:
    """Render an icon with `side` × `side` device-independent pixels in one colour."""
    source = (RESOURCES / "icons" / f"{name}.svg").read_bytes()
    return _render(source, side, side, colour.rgba(), ratio)


@lru_cache(maxsize=512)
def _render(source: bytes, width: int, height: int, rgba: int, ratio: float) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer

    colour = QColor.fromRgba(rgba)
    svg = source.replace(b"currentColor", colour.name().encode())
    pixmap = QPixmap(max(1, round(width * ratio)), max(1, round(height * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    side = min(width, height)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg)).render(
        painter, QRectF((width - side) / 2, (height - side) / 2, side, side)
    )
    painter.end()
    return pixmap


class _LucideEngine(QIconEngine):
    def __init__(self, source: bytes, tint: Tint) -> None:
        super().__init__()
        self._source = source
        self._tint: Tint = tint

    def _colour(self, mode: QIcon.Mode) -> QColor:
        palette = QGuiApplication.palette()
        if mode == QIcon.Mode.Disabled:
            return palette.color(QPalette.ColorGroup.Disabled, _ROLES[self._tint])
        # Also of a selected row or menu entry, whose ground in the style sheet is a light one.
        return palette.color(_ROLES[self._tint])

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        pixmap = _render(
            self._source, rect.width(), rect.height(), self._colour(mode).rgba(), ratio
        )
        painter.drawPixmap(rect.topLeft(), pixmap)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, _state: QIcon.State, scale: float
    ) -> QPixmap:
        # The size is in device-independent pixels.
        return _render(self._source, size.width(), size.height(), self._colour(mode).rgba(), scale)

    def clone(self) -> QIconEngine:
        return _LucideEngine(self._source, self._tint)
