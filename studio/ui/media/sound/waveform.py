"""The waveform of a sound, with the place that is heard. A click jumps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.ui.style.theme import GRID

_BAR = 2
_GAP = 1
_STEP_SECONDS = 5.0


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
            peak = self._peak(bar, count)
            half = max(1.0, peak * (middle - 2))
            painter.setBrush(heard if bar < played else ahead)
            at = QPointF(bar * (_BAR + _GAP), middle - half)
            painter.drawRoundedRect(QRectF(at.x(), at.y(), _BAR, 2 * half), 1, 1)
        if self.hasFocus():
            painter.setPen(heard)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _peak(self, bar: int, count: int) -> float:
        if not self._peaks:
            return 0.0
        start = bar * len(self._peaks) // count
        end = max(start + 1, (bar + 1) * len(self._peaks) // count)
        return max(self._peaks[start:end], default=0.0)

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
