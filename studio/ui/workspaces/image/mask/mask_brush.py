"""The tool that paints a mask on a picture: brush and eraser."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QWheelEvent,
)

from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.workspaces.image.mask.drawing import MaskDrawing
from studio.ui.workspaces.image.mask.tint import draw_mask, tint

_ARROWS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class MaskBrush(QObject):
    """A tool of a `PictureCanvas`. The left button paints, or erases while `erasing`; the right
    one always erases.

    The wheel with Ctrl changes the brush; Space or the middle button drags the picture. The
    arrow keys lead the brush too, and Space then paints where it is.
    """

    changed = Signal()
    """The mask, or what can be undone."""
    width_changed = Signal()

    def __init__(self, canvas: PictureCanvas) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.drawing: MaskDrawing | None = None
        self.erasing = False
        self._width = 1.0
        self._at: QPointF | None = None
        self._by_keys = False
        self._button = Qt.MouseButton.NoButton
        self._pan: QPointF | None = None
        self._space = False
        canvas.set_tool(self)
        self._show_cursor()

    @property
    def width(self) -> float:
        """The brush's width in pixels of the mask."""
        return self._width

    @property
    def largest_width(self) -> float:
        """The width that covers the longer side."""
        size = self.canvas.picture.size()
        return float(max(2, size.width(), size.height()))

    def set_drawing(self, picture: QImage, drawing: MaskDrawing) -> None:
        """Show a picture and paint a mask of its size."""
        self.drawing = drawing
        self.canvas.set_picture(picture)

    def set_width(self, width: float) -> None:
        """Change the brush's width in pixels of the mask, within what makes sense."""
        width = max(1.0, min(self.largest_width, width))
        if width != self._width:
            self._update_outline()
            self._width = width
            self._update_outline()
            self.width_changed.emit()

    def scale_width(self, steps: float) -> None:
        """Make the brush larger or smaller, by an eighth a step and at least a pixel."""
        wanted = self._width * 1.125**steps
        if abs(wanted - self._width) < abs(steps):
            wanted = self._width + steps
        self.set_width(float(round(wanted)))

    def apply(self, changed: QRect) -> None:
        """Show a change of the mask (in its pixels) that was made elsewhere."""
        self._show(changed)
        self.changed.emit()

    # ---- drawing

    def _show(self, area: QRect) -> None:
        """Draw a part of the mask again."""
        if area.isEmpty():
            return
        viewport = self.canvas.viewport
        x, y, _, _ = viewport.target()
        zoom = viewport.zoom
        seen = QRectF(x + area.x() * zoom, y + area.y() * zoom, 0, 0)
        seen.setSize(area.size().toSizeF() * zoom)
        # What is drawn smooth reaches a pixel of the mask further.
        edge = zoom + 1
        self.canvas.update(seen.adjusted(-edge, -edge, edge, edge).toAlignedRect())

    def _update_outline(self) -> None:
        if self._at is not None:
            at, radius = self._at, self._width * self.canvas.viewport.zoom / 2 + 4
            area = QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius)
            self.canvas.update(area.toAlignedRect())

    def _point(self, at: QPointF | None) -> None:
        """Put the brush's outline elsewhere, or nowhere."""
        self._update_outline()
        self._at = at
        self._update_outline()

    def paint(self, painter: QPainter, area: QRect) -> None:
        if self.drawing is None:
            return
        self._draw_mask(painter, self.drawing.image, area)
        if self._at is not None and self.canvas.isEnabled():
            self._draw_outline(painter, self._at)

    def _draw_mask(self, painter: QPainter, mask: QImage, area: QRect) -> None:
        target, part = self.canvas.visible_part(mask.size(), QRectF(area))
        if part.isEmpty():
            return
        ratio = self.canvas.devicePixelRatioF()
        layer = QImage(area.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        inside = QPainter(layer)
        inside.translate(-area.topLeft())
        draw_mask(
            inside,
            mask.copy(part),
            target,
            tint(self.canvas.palette(), ratio),
            QRectF(*self.canvas.viewport.target()).topLeft(),
            self.canvas.is_smooth,
        )
        inside.end()
        painter.drawImage(QPointF(area.topLeft()), layer)

    def _draw_outline(self, painter: QPainter, at: QPointF) -> None:
        radius = max(1.5, self._width * self.canvas.viewport.zoom / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 170), 3))
        painter.drawEllipse(at, radius, radius)
        painter.setPen(QPen(QColor("white"), 1.25))
        painter.drawEllipse(at, radius, radius)
        if self._by_keys:
            painter.drawLine(at - QPointF(4, 0), at + QPointF(4, 0))
            painter.drawLine(at - QPointF(0, 4), at + QPointF(0, 4))

    # ---- strokes

    def _pixel(self, at: QPointF) -> QPointF:
        return QPointF(*self.canvas.viewport.to_picture(at.x(), at.y()))

    def _begin(self, at: QPointF, *, erase: bool) -> None:
        if self.drawing is not None:
            self._show(self.drawing.begin(self._pixel(at), self._width, erase=erase))

    def _go_on(self, at: QPointF) -> None:
        if self.drawing is not None:
            self._show(self.drawing.go_on(self._pixel(at)))

    def _end(self) -> None:
        if self.drawing is not None and self.drawing.is_stroking:
            self.apply(self.drawing.end())

    # ---- events

    def handle(self, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QMouseEvent):
            match kind:
                case QEvent.Type.MouseButtonPress | QEvent.Type.MouseButtonDblClick:
                    self._press(event)
                case QEvent.Type.MouseMove:
                    self._move(event.position())
                case QEvent.Type.MouseButtonRelease if event.button() == self._button:
                    self._release(event.position())
            return True
        if isinstance(event, QWheelEvent):
            self._turn_wheel(event)
            return True
        if isinstance(event, QKeyEvent):
            return self._press_key(event) if kind == QEvent.Type.KeyPress else self._let_go(event)
        if isinstance(event, QEnterEvent) and not self._by_keys:
            self._point(event.position())
        elif kind == QEvent.Type.Leave and not self._by_keys:
            self._point(None)
        elif kind == QEvent.Type.FocusOut:
            self._release_space()
            if self._by_keys:
                self._by_keys = False
                self._point(None)
        return False

    def _press(self, event: QMouseEvent) -> None:
        at, button = event.position(), event.button()
        if self._button != Qt.MouseButton.NoButton or self.drawing is None:
            return
        self._by_keys = False
        if button == Qt.MouseButton.MiddleButton or (
            self._space and button == Qt.MouseButton.LeftButton
        ):
            self._button, self._pan = button, at
            self._point(None)
        elif button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            self._button = button
            self._point(at)
            self._begin(at, erase=self.erasing or button == Qt.MouseButton.RightButton)
        self._show_cursor()

    def _move(self, at: QPointF) -> None:
        self._by_keys = False
        if self._pan is not None:
            by = at - self._pan
            self._pan = at
            self.canvas.pan_by(by.x(), by.y())
            return
        if self._button != Qt.MouseButton.NoButton:
            self._go_on(at)
        self._point(at)

    def _release(self, at: QPointF) -> None:
        if self._pan is None:
            self._end()
        self._button, self._pan = Qt.MouseButton.NoButton, None
        self._point(at)
        self._show_cursor()

    def _turn_wheel(self, event: QWheelEvent) -> None:
        # With Alt, and on some systems with Shift, a wheel turns sideways.
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.scale_width(steps)
        elif self._button == Qt.MouseButton.NoButton:
            self.canvas.zoom_by(1.2**steps, event.position())

    def _press_key(self, event: QKeyEvent) -> bool:
        arrow = _ARROWS.get(event.key())
        if arrow is not None and self.drawing is not None:
            self._lead(*arrow, fine=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return True
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._press_space()
            return True
        return False

    def _let_go(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat():
            return False
        self._release_space()
        return True

    def _lead(self, across: int, down: int, *, fine: bool) -> None:
        """Move the brush by a quarter of its width, or by a point of the view."""
        if self._button != Qt.MouseButton.NoButton:
            return
        step = 1.0 if fine else max(4.0, self._width * self.canvas.viewport.zoom / 4)
        at = self._at if self._at is not None else QRectF(self.canvas.rect()).center()
        at = QPointF(
            min(max(0.0, at.x() + across * step), self.canvas.width()),
            min(max(0.0, at.y() + down * step), self.canvas.height()),
        )
        self._by_keys = True
        self._point(at)
        if self.drawing is not None and self.drawing.is_stroking:
            self._go_on(at)

    def _press_space(self) -> None:
        if self._by_keys and self._at is not None:
            self._begin(self._at, erase=self.erasing)
        else:
            self._space = True
            self._show_cursor()

    def _release_space(self) -> None:
        self._space = False
        if self._button == Qt.MouseButton.NoButton:
            self._end()
        self._show_cursor()

    def _show_cursor(self) -> None:
        if self._pan is not None:
            self.canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.canvas.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.canvas.setCursor(Qt.CursorShape.CrossCursor)
