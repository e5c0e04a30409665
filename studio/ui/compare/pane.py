"""One of the pictures that are compared."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from studio.ui.compare.linked_view import Together
from studio.ui.media.picture.viewport import Viewport

STEP = 40
"""Points that an arrow key moves."""

_ARROWS = {
    Qt.Key.Key_Left: (STEP, 0),
    Qt.Key.Key_Right: (-STEP, 0),
    Qt.Key.Key_Up: (0, STEP),
    Qt.Key.Key_Down: (0, -STEP),
}


class ComparePane(QWidget):
    """Wheel, drag, double click, + − 0 1 and the arrows; what is done here is told to the rest."""

    moved = Signal(object)
    """A `Together`: the user looks at the picture in this way now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._image = QImage()
        self._message = self.tr("Loading…")
        self._viewport = Viewport()
        self._together = Together()
        self._drag: QPointF | None = None

    @property
    def viewport_state(self) -> Viewport:
        """How the picture lies in the view now."""
        return self._viewport

    def set_picture(self, image: QImage, size: QSize) -> None:
        """Show a picture; `size` is its true size where `image` is a smaller copy."""
        self._image = image
        self._viewport = Viewport((size.width(), size.height()), self._viewport.view)
        self.look(self._together)

    def set_message(self, text: str) -> None:
        """Say something in the place of the picture."""
        self._message = text
        self.update()

    def look(self, together: Together) -> None:
        """Look at the picture in a given way."""
        self._together = together
        self._viewport = together.applied_to(self._viewport)
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self._go(self._viewport.fit())

    def actual_size(self) -> None:
        """Show one picture pixel per screen pixel."""
        self._go(self._viewport.at_zoom(1 / self.devicePixelRatioF()))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom around a point, or the middle of the view."""
        where = QPointF(self.width() / 2, self.height() / 2) if at is None else at
        self._go(self._viewport.zoomed(factor, where.x(), where.y()))

    def _go(self, viewport: Viewport) -> None:
        self._viewport = viewport
        self._together = Together.of(viewport)
        self.update()
        self.moved.emit(self._together)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._viewport = self._viewport.with_view(event.size().width(), event.size().height())
        self.look(self._together)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.AlternateBase))
        if self._image.isNull():
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), int(flags), self._message)
        else:
            self._draw(painter)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _draw(self, painter: QPainter) -> None:
        """Draw only the part that is seen, so that a large picture at high zoom stays quick."""
        target = QRectF(*self._viewport.target())
        seen = target.intersected(QRectF(self.rect()))
        if seen.isEmpty():
            return
        across = self._image.width() / target.width()
        down = self._image.height() / target.height()
        smooth = self._viewport.zoom * self.devicePixelRatioF() < 3
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        source = QRectF(
            (seen.x() - target.x()) * across,
            (seen.y() - target.y()) * down,
            seen.width() * across,
            seen.height() * down,
        )
        painter.drawImage(seen, self._image, source)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(1.2 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            by = event.position() - self._drag
            self._drag = event.position()
            self._go(self._viewport.panned(by.x(), by.y()))

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._drag = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._viewport.fitted:
            factor = 1 / self.devicePixelRatioF() / self._viewport.zoom
            self.zoom_by(factor, event.position())
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom_by(1.25)
            case Qt.Key.Key_Minus:
                self.zoom_by(0.8)
            case Qt.Key.Key_0:
                self.fit()
            case Qt.Key.Key_1:
                self.actual_size()
            case Qt.Key.Key_Left | Qt.Key.Key_Right | Qt.Key.Key_Up | Qt.Key.Key_Down:
                self._go(self._viewport.panned(*_ARROWS[Qt.Key(event.key())]))
            case _:
                super().keyPressEvent(event)
