"""The waveform of a sound, with the place that is heard. A click jumps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.ui.style.theme import GRID

_BAR = 2
_GAP = 1
_STEP_SECONDS = 5.0
_THUMBNAIL = QColor("#6b7fb3")
"""Stands out against light and dark."""
_THUMBNAIL_BARS = 16


def waveform_image(peaks: Sequence[float], side: int) -> QImage:
    """Return a small picture of a waveform, null if there is none. Thread-safe."""
    if not peaks:
        return QImage()
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_THUMBNAIL)
    width = side / _THUMBNAIL_BARS
    for bar in range(_THUMBNAIL_BARS):
        half = max(width / 2, _peak(peaks, bar, _THUMBNAIL_BARS) * (side / 2 - 2))
        shape = QRectF(bar * width + width / 6, side / 2 - half, width * 2 / 3, 2 * half)
        painter.drawRoundedRect(shape, width / 3, width / 3)
    painter.end()
    return image


def _peak(peaks: Sequence[float], bar: int, count: int) -> float:
    """Return the loudest place of a bar of a waveform."""
    start = bar * len(peaks) // count
    end = max(start + 1, (bar + 1) * len(peaks) // count)
    return max(peaks[start:end], default=0.0)


class Waveform(QWidget):
    """Bars of the loudness over time. Left and Right jump by five seconds, Space plays."""

    jumped = Signal(float)
    """To a time in seconds."""
    play_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: Sequence[float] = ()
        self._duration = 0.0
        self._position = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Waveform"))

    def set_sound(self, peaks: Sequence[float], duration: float) -> None:
        """Show a sound; `peaks` are from 0 to 1."""
        self._peaks = peaks
        self._duration = duration
        self._position = 0.0
        self.update()

    def set_position(self, seconds: float) -> None:
        """Show which place is heard."""
        if seconds != self._position:
            self._position = seconds
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(30 * GRID, 8 * GRID)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        painter.setPen(Qt.PenStyle.NoPen)
        heard, ahead = palette.color(QPalette.ColorRole.Accent), palette.mid().color()
        count = max(1, self.width() // (_BAR + _GAP))
        middle = self.height() / 2
        played = self._position / self._duration * count if self._duration else 0.0
        for bar in range(count):
            peak = _peak(self._peaks, bar, count)
            half = max(1.0, peak * (middle - 2))
            painter.setBrush(heard if bar < played else ahead)
            at = QPointF(bar * (_BAR + _GAP), middle - half)
            painter.drawRoundedRect(QRectF(at.x(), at.y(), _BAR, 2 * half), 1, 1)
        if self.hasFocus():
            painter.setPen(heard)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._jump_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._jump_to(event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Left:
                self.jumped.emit(max(0.0, self._position - _STEP_SECONDS))
            case Qt.Key.Key_Right:
                self.jumped.emit(min(self._duration, self._position + _STEP_SECONDS))
            case Qt.Key.Key_Home:
                self.jumped.emit(0.0)
            case Qt.Key.Key_Space:
                self.play_pressed.emit()
            case _:
                super().keyPressEvent(event)

    def _jump_to(self, x: float) -> None:
        share = min(max(x / max(1, self.width()), 0.0), 1.0)
        self.jumped.emit(share * self._duration)
