"""Before/after comparison of two pictures with a draggable divider."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPalette, QPen

from studio.ui.media.picture.canvas import PictureCanvas

HANDLE = 9
"""Half the width, in points, of the strip where the divider can be grabbed."""

_KEY_STEPS: dict[int, float] = {Qt.Key.Key_Left: -0.02, Qt.Key.Key_Right: 0.02}
"""How far the arrow keys move the divider, as a fraction of the view's width."""


class BeforeAfter(QObject):
    """A canvas tool that draws the "before" picture left of the divider, over the "after" one.

    The "before" picture is stretched to the size of the canvas picture. The divider is dragged, or
    moved with the left and right arrow keys; a double click centres it.
    """

    def __init__(self, canvas: PictureCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._before = QImage()
        self._divider = 0.5
        self._dragging = False
        canvas.set_tool(self)

    @property
    def divider(self) -> float:
        """The position of the divider as a fraction of the view's width."""
        return self._divider

    def is_comparing(self) -> bool:
        """Return whether two pictures are shown."""
        return not self._before.isNull() and not self._canvas.picture.isNull()

    def set_before(self, picture: QImage) -> None:
        """Set the "before" picture; a null image ends the comparison."""
        self._before = picture
        self._canvas.update()

    def set_divider(self, fraction: float) -> None:
        """Move the divider to a fraction of the view's width, clamped to 0 to 1."""
        self._divider = max(0.0, min(1.0, fraction))
        self._canvas.update()

    # ---- drawing

    def paint(self, painter: QPainter, _area: QRect) -> None:
        if not self.is_comparing():
            return
        canvas = self._canvas
        left = QRectF(0, 0, self._divider * canvas.width(), canvas.height())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, canvas.is_smooth)
        painter.setClipRect(left)
        canvas.draw_image(painter, self._before, left)
        painter.restore()
        target = QRectF(*canvas.viewport.target())
        self._draw_divider(painter, target.intersected(QRectF(canvas.rect())))

    def _draw_divider(self, painter: QPainter, seen: QRectF) -> None:
        x = self._divider * self._canvas.width()
        top, bottom = seen.top(), seen.bottom()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 110), 3))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        painter.setPen(QPen(QColor("white"), 1.5))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        middle = QPointF(x, (top + bottom) / 2)
        painter.setBrush(self._canvas.palette().color(QPalette.ColorRole.Highlight))
        painter.drawEllipse(middle, 13, 13)
        for side in (-1, 1):
            tip = QPointF(middle.x() + side * 8, middle.y())
            painter.drawLine(tip, QPointF(tip.x() - side * 4, tip.y() - 4))
            painter.drawLine(tip, QPointF(tip.x() - side * 4, tip.y() + 4))
        self._label(painter, self.tr("Before"), QPointF(x - 10, top + 10), left=True)
        self._label(painter, self.tr("After"), QPointF(x + 10, top + 10), left=False)

    def _label(self, painter: QPainter, text: str, at: QPointF, *, left: bool) -> None:
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(text) + 12
        box = QRectF(at.x() - (width if left else 0), at.y(), width, metrics.height() + 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor("white"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # ---- events

    def handle(self, event: QEvent) -> bool:
        if not self.is_comparing():
            self._dragging = False
            return False
        if isinstance(event, QMouseEvent):
            return self._handle_mouse(event, event.position().x())
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = _KEY_STEPS.get(event.key(), 0.0)
            if step:
                self.set_divider(self._divider + step)
            return bool(step)
        return False

    def _handle_mouse(self, event: QMouseEvent, x: float) -> bool:
        over = abs(x - self._divider * self._canvas.width()) <= HANDLE
        match event.type():
            case QEvent.Type.MouseButtonPress:
                self._dragging = over and event.button() == Qt.MouseButton.LeftButton
                return self._dragging
            case QEvent.Type.MouseMove if self._dragging:
                self.set_divider(x / max(1, self._canvas.width()))
                return True
            case QEvent.Type.MouseMove if over and not event.buttons():
                self._canvas.setCursor(Qt.CursorShape.SplitHCursor)
                return True
            case QEvent.Type.MouseButtonRelease:
                self._dragging = False
            case QEvent.Type.MouseButtonDblClick if over:
                self.set_divider(0.5)
                return True
        return False
