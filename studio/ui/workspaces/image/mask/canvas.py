"""Painting a mask on a picture: brush, eraser, zoom and pan."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from studio.ui.media.picture.viewport import Viewport
from studio.ui.workspaces.image.mask.drawing import MaskDrawing
from studio.ui.workspaces.image.mask.tint import draw_mask, tint

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


def _aligned(area: QRect) -> QRect:
    """Return an area grown to multiples of 4 points, which are whole pixels at 125 % too."""
    left, top = area.left() // 4 * 4, area.top() // 4 * 4
    right, bottom = -(-(area.right() + 1) // 4) * 4, -(-(area.bottom() + 1) // 4) * 4
    return QRect(left, top, right - left, bottom - top)


class MaskCanvas(QWidget):
    """The left button paints, or erases while `erasing`; the right one always erases.

    The wheel zooms at the pointer, with Ctrl it changes the brush; Space or the middle button
    drags the picture. The arrow keys lead the brush too, and Space then paints where it is.
    """

    changed = Signal()
    """The mask, or what can be undone."""
    brush_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.drawing: MaskDrawing | None = None
        self.erasing = False
        self._picture = QImage()
        self._viewport = Viewport()
        self._backdrop = QPixmap()
        self._brush = 1.0
        self._at: QPointF | None = None
        self._by_keys = False
        self._button = Qt.MouseButton.NoButton
        self._pan: QPointF | None = None
        self._space = False
        self._show_cursor()

    def sizeHint(self) -> QSize:
        return QSize(800, 560)

    @property
    def viewport_state(self) -> Viewport:
        """How the picture lies in the view now."""
        return self._viewport

    @property
    def brush(self) -> float:
        """The brush's width in pixels of the mask."""
        return self._brush

    @property
    def largest_brush(self) -> float:
        """The width that covers the longer side."""
        size = self._picture.size()
        return float(max(2, size.width(), size.height()))

    def set_drawing(self, picture: QImage, drawing: MaskDrawing) -> None:
        """Show a picture and paint a mask of its size."""
        self._picture = picture
        self.drawing = drawing
        self._viewport = self._viewport.with_picture(picture.width(), picture.height())
        self._moved()

    def set_brush(self, width: float) -> None:
        """Change the brush's width in pixels of the mask, within what makes sense."""
        width = max(1.0, min(self.largest_brush, width))
        if width != self._brush:
            self._update_brush()
            self._brush = width
            self._update_brush()
            self.brush_changed.emit()

    def scale_brush(self, steps: float) -> None:
        """Make the brush larger or smaller, by an eighth a step and at least a pixel."""
        wanted = self._brush * 1.125**steps
        if abs(wanted - self._brush) < abs(steps):
            wanted = self._brush + steps
        self.set_brush(float(round(wanted)))

    def fit(self) -> None:
        """Show the whole picture."""
        self._viewport = self._viewport.fit()
        self._moved()

    def zoom_by(self, factor: float) -> None:
        """Zoom around the middle of the view."""
        width, height = self._viewport.view
        self._viewport = self._viewport.zoomed(factor, width / 2, height / 2)
        self._moved()

    def apply(self, changed: QRect) -> None:
        """Show a change of the mask (in its pixels) that was made elsewhere."""
        self._show(changed)
        self.changed.emit()

    # ---- drawing

    def _moved(self) -> None:
        self._backdrop = QPixmap()
        self.update()

    def _show(self, area: QRect) -> None:
        """Draw a part of the mask again."""
        if area.isEmpty():
            return
        x, y, _, _ = self._viewport.target()
        zoom = self._viewport.zoom
        seen = QRectF(x + area.x() * zoom, y + area.y() * zoom, 0, 0)
        seen.setSize(area.size().toSizeF() * zoom)
        # What is drawn smooth reaches a pixel of the mask further.
        edge = zoom + 1
        self.update(seen.adjusted(-edge, -edge, edge, edge).toAlignedRect())

    def _brush_area(self, at: QPointF) -> QRect:
        radius = self._brush * self._viewport.zoom / 2 + 4
        return QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius).toAlignedRect()

    def _update_brush(self) -> None:
        if self._at is not None:
            self.update(self._brush_area(self._at))

    def _point(self, at: QPointF | None) -> None:
        """Put the brush's outline elsewhere, or nowhere."""
        self._update_brush()
        self._at = at
        self._update_brush()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = _aligned(event.rect())
        if self._backdrop.isNull():
            self._backdrop = self._draw_backdrop()
        ratio = self.devicePixelRatioF()
        source = QRectF(area.x() * ratio, area.y() * ratio, 0, 0)
        source.setSize(area.size().toSizeF() * ratio)
        painter.drawPixmap(QRectF(area), self._backdrop, source)
        if self.drawing is None:
            return
        self._draw_mask(painter, self.drawing.image, area)
        if self._at is not None and self.isEnabled():
            self._draw_brush(painter, self._at)

    def _draw_backdrop(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap((self.size() * ratio).expandedTo(QSize(1, 1)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.palette().color(QPalette.ColorRole.Window))
        if self._picture.isNull():
            return pixmap
        painter = QPainter(pixmap)
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, self._viewport.zoom * ratio < 3
        )
        target, part = self._part(self.rect())
        if not part.isEmpty():
            painter.drawImage(target, self._picture, QRectF(part))
        painter.end()
        return pixmap

    def _part(self, area: QRect) -> tuple[QRectF, QRect]:
        """Return where some whole pixels lie that cover an area of the view, and which."""
        x, y, _, _ = self._viewport.target()
        zoom = self._viewport.zoom
        pixels = QRectF((area.x() - x) / zoom, (area.y() - y) / zoom, 0, 0)
        pixels.setSize(area.size().toSizeF() / zoom)
        part = pixels.adjusted(-1, -1, 1, 1).toAlignedRect() & self._picture.rect()
        target = QRectF(x + part.x() * zoom, y + part.y() * zoom, 0, 0)
        target.setSize(part.size().toSizeF() * zoom)
        return target, part

    def _draw_mask(self, painter: QPainter, mask: QImage, area: QRect) -> None:
        target, part = self._part(area)
        if part.isEmpty():
            return
        ratio = self.devicePixelRatioF()
        layer = QImage(area.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        x, y, _, _ = self._viewport.target()
        inside = QPainter(layer)
        inside.translate(-area.topLeft())
        draw_mask(
            inside,
            mask.copy(part),
            target,
            tint(self.palette(), ratio),
            QPointF(x, y),
            self._viewport.zoom * ratio < 3,
        )
        inside.end()
        painter.drawImage(QPointF(area.topLeft()), layer)

    def _draw_brush(self, painter: QPainter, at: QPointF) -> None:
        radius = max(1.5, self._brush * self._viewport.zoom / 2)
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
        return QPointF(*self._viewport.to_picture(at.x(), at.y()))

    def _begin(self, at: QPointF, *, erase: bool) -> None:
        if self.drawing is not None:
            self._show(self.drawing.begin(self._pixel(at), self._brush, erase=erase))

    def _go_on(self, at: QPointF) -> None:
        if self.drawing is not None:
            self._show(self.drawing.go_on(self._pixel(at)))

    def _end(self) -> None:
        if self.drawing is not None and self.drawing.is_stroking:
            self.apply(self.drawing.end())

    def mousePressEvent(self, event: QMouseEvent) -> None:
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

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        self._by_keys = False
        if self._pan is not None:
            self._viewport = self._viewport.panned(at.x() - self._pan.x(), at.y() - self._pan.y())
            self._pan = at
            self._moved()
            return
        if self._button != Qt.MouseButton.NoButton:
            self._go_on(at)
        self._point(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != self._button:
            return
        if self._pan is None:
            self._end()
        self._button, self._pan = Qt.MouseButton.NoButton, None
        self._point(event.position())
        self._show_cursor()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # With Alt, and on some systems with Shift, a wheel turns sideways.
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        event.accept()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.scale_brush(steps)
        elif self._button == Qt.MouseButton.NoButton:
            at = event.position()
            self._viewport = self._viewport.zoomed(1.2**steps, at.x(), at.y())
            self._moved()

    # ---- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _ARROWS and self.drawing is not None:
            self._lead(
                *_ARROWS[key], fine=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            )
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._press_space()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(0.8)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.zoom_by(1 / self.devicePixelRatioF() / self._viewport.zoom)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._release_space()
        else:
            super().keyReleaseEvent(event)

    def _lead(self, across: int, down: int, *, fine: bool) -> None:
        """Move the brush by a quarter of its width, or by a point of the view."""
        if self._button != Qt.MouseButton.NoButton:
            return
        step = 1.0 if fine else max(4.0, self._brush * self._viewport.zoom / 4)
        at = self._at if self._at is not None else QRectF(self.rect()).center()
        at = QPointF(
            min(max(0.0, at.x() + across * step), self.width()),
            min(max(0.0, at.y() + down * step), self.height()),
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

    # ---- what happens around

    def _show_cursor(self) -> None:
        if self._pan is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        if not self._by_keys:
            self._point(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self._by_keys:
            self._point(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._release_space()
        if self._by_keys:
            self._by_keys = False
            self._point(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._viewport = self._viewport.with_view(event.size().width(), event.size().height())
        self._moved()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.DevicePixelRatioChange):
            self._moved()
