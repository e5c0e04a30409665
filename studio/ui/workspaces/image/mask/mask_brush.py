"""The canvas tool that paints a mask: brush and eraser."""

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
    """Paints a `MaskDrawing` on a `PictureCanvas`.

    The left button paints, or erases if `erasing` is set; the right button always erases. Ctrl and
    the wheel change the brush width; Space or the middle button pans. The arrow keys move the
    brush too, and Space then paints.
    """

    changed = Signal()
    """The mask or the undo history has changed."""
    width_changed = Signal()

    def __init__(self, canvas: PictureCanvas) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.drawing: MaskDrawing | None = None
        self.erasing = False
        self._width = 1.0
        self._position: QPointF | None = None
        self._uses_keyboard = False
        self._button = Qt.MouseButton.NoButton
        self._pan: QPointF | None = None
        self._space_pans = False
        canvas.set_tool(self)
        self._show_cursor()

    @property
    def width(self) -> float:
        """The brush width in mask pixels."""
        return self._width

    @property
    def largest_width(self) -> float:
        """The maximum brush width: the longer side of the picture in pixels."""
        size = self.canvas.picture.size()
        return float(max(2, size.width(), size.height()))

    def set_drawing(self, picture: QImage, drawing: MaskDrawing) -> None:
        """Show a picture, and paint on a mask of the same size."""
        self.drawing = drawing
        self.canvas.set_picture(picture)

    def set_width(self, width: float) -> None:
        """Set the brush width in mask pixels, clamped to 1 to `largest_width`."""
        width = max(1.0, min(self.largest_width, width))
        if width != self._width:
            self._update_outline()
            self._width = width
            self._update_outline()
            self.width_changed.emit()

    def scale_width(self, steps: float) -> None:
        """Change the brush width by 12.5 % per step, at least one pixel per step."""
        width = self._width * 1.125**steps
        if abs(width - self._width) < abs(steps):
            width = self._width + steps
        self.set_width(float(round(width)))

    def show_change(self, changed: QRect) -> None:
        """Redraw a changed rectangle of the mask (in its pixels), and emit `changed`."""
        self._update_area(changed)
        self.changed.emit()

    # ---- drawing

    def _update_area(self, area: QRect) -> None:
        """Schedule a repaint of a rectangle of the mask (in its pixels)."""
        if area.isEmpty():
            return
        viewport = self.canvas.viewport
        x, y, _, _ = viewport.target()
        zoom = viewport.zoom
        view_area = QRectF(x + area.x() * zoom, y + area.y() * zoom, 0, 0)
        view_area.setSize(area.size().toSizeF() * zoom)
        # Smooth scaling spreads by one mask pixel.
        edge = zoom + 1
        self.canvas.update(view_area.adjusted(-edge, -edge, edge, edge).toAlignedRect())

    def _update_outline(self) -> None:
        if self._position is not None:
            at, radius = self._position, self._width * self.canvas.viewport.zoom / 2 + 4
            area = QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius)
            self.canvas.update(area.toAlignedRect())

    def _move_outline(self, position: QPointF | None) -> None:
        """Move the outline of the brush, or hide it."""
        self._update_outline()
        self._position = position
        self._update_outline()

    def paint(self, painter: QPainter, area: QRect) -> None:
        if self.drawing is None:
            return
        self._draw_mask(painter, self.drawing.image, area)
        if self._position is not None and self.canvas.isEnabled():
            self._draw_outline(painter, self._position)

    def _draw_mask(self, painter: QPainter, mask: QImage, area: QRect) -> None:
        target, part = self.canvas.visible_part(mask.size(), QRectF(area))
        if part.isEmpty():
            return
        ratio = self.canvas.devicePixelRatioF()
        layer = QImage(area.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        layer_painter = QPainter(layer)
        layer_painter.translate(-area.topLeft())
        draw_mask(
            layer_painter,
            mask.copy(part),
            target,
            tint(self.canvas.palette(), ratio),
            QRectF(*self.canvas.viewport.target()).topLeft(),
            self.canvas.is_smooth,
        )
        layer_painter.end()
        painter.drawImage(QPointF(area.topLeft()), layer)

    def _draw_outline(self, painter: QPainter, at: QPointF) -> None:
        radius = max(1.5, self._width * self.canvas.viewport.zoom / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 170), 3))
        painter.drawEllipse(at, radius, radius)
        painter.setPen(QPen(QColor("white"), 1.25))
        painter.drawEllipse(at, radius, radius)
        if self._uses_keyboard:
            painter.drawLine(at - QPointF(4, 0), at + QPointF(4, 0))
            painter.drawLine(at - QPointF(0, 4), at + QPointF(0, 4))

    # ---- strokes

    def _mask_position(self, at: QPointF) -> QPointF:
        return QPointF(*self.canvas.viewport.to_picture(at.x(), at.y()))

    def _begin_stroke(self, at: QPointF, *, erase: bool) -> None:
        if self.drawing is not None:
            self._update_area(
                self.drawing.begin_stroke(self._mask_position(at), self._width, erase=erase)
            )

    def _extend_stroke(self, at: QPointF) -> None:
        if self.drawing is not None:
            self._update_area(self.drawing.extend_stroke(self._mask_position(at)))

    def _end_stroke(self) -> None:
        if self.drawing is not None and self.drawing.is_stroking:
            self.show_change(self.drawing.end_stroke())

    # ---- events

    def handle(self, event: QEvent) -> bool:
        event_type = event.type()
        if isinstance(event, QMouseEvent):
            match event_type:
                case QEvent.Type.MouseButtonPress | QEvent.Type.MouseButtonDblClick:
                    self._press(event)
                case QEvent.Type.MouseMove:
                    self._move(event.position())
                case QEvent.Type.MouseButtonRelease if event.button() == self._button:
                    self._release(event.position())
            return True
        if isinstance(event, QWheelEvent):
            self._handle_wheel(event)
            return True
        if isinstance(event, QKeyEvent):
            return (
                self._press_key(event)
                if event_type == QEvent.Type.KeyPress
                else self._release_key(event)
            )
        if isinstance(event, QEnterEvent) and not self._uses_keyboard:
            self._move_outline(event.position())
        elif event_type == QEvent.Type.Leave and not self._uses_keyboard:
            self._move_outline(None)
        elif event_type == QEvent.Type.FocusOut:
            self._release_space()
            if self._uses_keyboard:
                self._uses_keyboard = False
                self._move_outline(None)
        return False

    def _press(self, event: QMouseEvent) -> None:
        at, button = event.position(), event.button()
        if self._button != Qt.MouseButton.NoButton or self.drawing is None:
            return
        self._uses_keyboard = False
        if button == Qt.MouseButton.MiddleButton or (
            self._space_pans and button == Qt.MouseButton.LeftButton
        ):
            self._button, self._pan = button, at
            self._move_outline(None)
        elif button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            self._button = button
            self._move_outline(at)
            self._begin_stroke(at, erase=self.erasing or button == Qt.MouseButton.RightButton)
        self._show_cursor()

    def _move(self, at: QPointF) -> None:
        self._uses_keyboard = False
        if self._pan is not None:
            delta = at - self._pan
            self._pan = at
            self.canvas.pan_by(delta.x(), delta.y())
            return
        if self._button != Qt.MouseButton.NoButton:
            self._extend_stroke(at)
        self._move_outline(at)

    def _release(self, at: QPointF) -> None:
        if self._pan is None:
            self._end_stroke()
        self._button, self._pan = Qt.MouseButton.NoButton, None
        self._move_outline(at)
        self._show_cursor()

    def _handle_wheel(self, event: QWheelEvent) -> None:
        # Alt, and on some systems Shift, turns vertical scrolling into horizontal scrolling.
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.scale_width(steps)
        elif self._button == Qt.MouseButton.NoButton:
            self.canvas.zoom_by(1.2**steps, event.position())

    def _press_key(self, event: QKeyEvent) -> bool:
        arrow = _ARROWS.get(event.key())
        if arrow is not None and self.drawing is not None:
            self._move_with_keys(
                *arrow, fine=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            )
            return True
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._press_space()
            return True
        return False

    def _release_key(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat():
            return False
        self._release_space()
        return True

    def _move_with_keys(self, dx: int, dy: int, *, fine: bool) -> None:
        """Move the brush by a quarter of its width, or by one view point if `fine`."""
        if self._button != Qt.MouseButton.NoButton:
            return
        step = 1.0 if fine else max(4.0, self._width * self.canvas.viewport.zoom / 4)
        at = self._position if self._position is not None else QRectF(self.canvas.rect()).center()
        at = QPointF(
            min(max(0.0, at.x() + dx * step), self.canvas.width()),
            min(max(0.0, at.y() + dy * step), self.canvas.height()),
        )
        self._uses_keyboard = True
        self._move_outline(at)
        if self.drawing is not None and self.drawing.is_stroking:
            self._extend_stroke(at)

    def _press_space(self) -> None:
        if self._uses_keyboard and self._position is not None:
            self._begin_stroke(self._position, erase=self.erasing)
        else:
            self._space_pans = True
            self._show_cursor()

    def _release_space(self) -> None:
        self._space_pans = False
        if self._button == Qt.MouseButton.NoButton:
            self._end_stroke()
        self._show_cursor()

    def _show_cursor(self) -> None:
        if self._pan is not None:
            self.canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space_pans:
            self.canvas.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.canvas.setCursor(Qt.CursorShape.CrossCursor)
