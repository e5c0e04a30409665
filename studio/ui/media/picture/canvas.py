"""Drawing a picture, or two on top of each other with a divider, with zoom and pan."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
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

from studio.ui.media.picture.viewport import Viewport

HANDLE = 9
"""Half the width, in points, of the strip in which the divider can be taken hold of."""


def _chequered(palette: QPalette) -> QBrush:
    light = palette.color(QPalette.ColorRole.Base)
    dark = palette.color(QPalette.ColorRole.AlternateBase)
    if light == dark:
        dark = light.darker(108) if light.lightness() > 127 else light.lighter(130)
    tile = QImage(16, 16, QImage.Format.Format_RGB32)
    tile.fill(light)
    painter = QPainter(tile)
    painter.fillRect(0, 0, 8, 8, dark)
    painter.fillRect(8, 8, 8, 8, dark)
    painter.end()
    return QBrush(tile)


class PictureCanvas(QWidget):
    """Shows `after` and, left of the divider, `before` stretched to the same size.

    Wheel zooms at the pointer, dragging pans, a double click switches between fitting and one
    picture pixel per screen pixel; + - 0 1 and the arrow keys do the same from the keyboard.
    Without a `before` picture it is a plain viewer.
    """

    zoom_changed = Signal(float)
    divider_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 120)
        self._after = QImage()
        self._before = QImage()
        self._viewport = Viewport()
        self._divider = 0.5
        self._drag: QPointF | None = None
        self._dragging_divider = False

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    @property
    def viewport_state(self) -> Viewport:
        """How the picture lies in the view now."""
        return self._viewport

    @property
    def divider(self) -> float:
        """Where the divider stands, as a fraction of the view's width."""
        return self._divider

    def is_comparing(self) -> bool:
        """Tell whether two pictures are shown."""
        return not self._before.isNull() and not self._after.isNull()

    def set_pictures(
        self, after: QImage, before: QImage | None = None, size: QSize | None = None
    ) -> None:
        """Show pictures. `size` is the true size of `after` where a smaller copy is shown."""
        self._after = after
        self._before = before if before is not None else QImage()
        shown = size if size is not None and size.isValid() else after.size()
        if after.isNull() and not self._before.isNull():
            shown = self._before.size()
        self._viewport = self._viewport.with_picture(shown.width(), shown.height())
        self._changed()

    def clear(self) -> None:
        """Show nothing."""
        self._after = QImage()
        self._before = QImage()
        self._viewport = Viewport(view=self._viewport.view)
        self.update()

    def set_divider(self, fraction: float) -> None:
        """Put the divider at a fraction of the view's width."""
        self._divider = max(0.0, min(1.0, fraction))
        self.divider_changed.emit(self._divider)
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self._viewport = self._viewport.fit()
        self._changed()

    def actual_size(self) -> None:
        """Show one picture pixel per screen pixel."""
        self._viewport = self._viewport.at_zoom(1 / self.devicePixelRatioF())
        self._changed()

    def zoom_by(self, factor: float) -> None:
        """Zoom around the middle of the view."""
        width, height = self._viewport.view
        self._viewport = self._viewport.zoomed(factor, width / 2, height / 2)
        self._changed()

    def _changed(self) -> None:
        self.zoom_changed.emit(self._viewport.zoom * self.devicePixelRatioF())
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._viewport = self._viewport.with_view(event.size().width(), event.size().height())
        self._changed()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Window))
        if self._after.isNull() and self._before.isNull():
            return
        target = QRectF(*self._viewport.target())
        device_zoom = self._viewport.zoom * self.devicePixelRatioF()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, device_zoom < 3)
        if self._after.hasAlphaChannel() or self._before.hasAlphaChannel():
            painter.setBrushOrigin(target.topLeft())
            painter.fillRect(target.intersected(QRectF(self.rect())), _chequered(self.palette()))
        if not self._after.isNull():
            self._draw(painter, self._after, target, QRectF(self.rect()))
        if not self._before.isNull():
            edge = self._divider * self.width() if not self._after.isNull() else self.width()
            left = QRectF(0, 0, edge, self.height())
            painter.save()
            painter.setClipRect(left)
            if self._before.hasAlphaChannel():
                painter.fillRect(target.intersected(left), _chequered(self.palette()))
            self._draw(painter, self._before, target, left)
            painter.restore()
        if self.is_comparing():
            self._draw_divider(painter, target.intersected(QRectF(self.rect())))

    @staticmethod
    def _draw(painter: QPainter, image: QImage, target: QRectF, clip: QRectF) -> None:
        """Draw only the part that is seen, so that a large picture at high zoom stays quick."""
        seen = target.intersected(clip)
        if seen.isEmpty():
            return
        across = image.width() / target.width()
        down = image.height() / target.height()
        source = QRectF(
            (seen.x() - target.x()) * across,
            (seen.y() - target.y()) * down,
            seen.width() * across,
            seen.height() * down,
        )
        painter.drawImage(seen, image, source)

    def _draw_divider(self, painter: QPainter, seen: QRectF) -> None:
        x = self._divider * self.width()
        top, bottom = seen.top(), seen.bottom()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 110), 3))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        painter.setPen(QPen(QColor("white"), 1.5))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        middle = QPointF(x, (top + bottom) / 2)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight))
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

    def _over_divider(self, x: float) -> bool:
        return self.is_comparing() and abs(x - self._divider * self.width()) <= HANDLE

    def wheelEvent(self, event: QWheelEvent) -> None:
        at = event.position()
        steps = event.angleDelta().y() / 120
        self._viewport = self._viewport.zoomed(1.2**steps, at.x(), at.y())
        self._changed()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._drag = event.position()
        self._dragging_divider = self._over_divider(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._drag is None:
            over = self._over_divider(at.x())
            self.setCursor(Qt.CursorShape.SplitHCursor if over else Qt.CursorShape.OpenHandCursor)
            return
        if self._dragging_divider:
            self.set_divider(at.x() / max(1, self.width()))
        else:
            self._viewport = self._viewport.panned(at.x() - self._drag.x(), at.y() - self._drag.y())
            self.update()
        self._drag = at

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._drag = None
        self._dragging_divider = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._over_divider(event.position().x()):
            self.set_divider(0.5)
        elif self._viewport.fitted:
            at = event.position()
            factor = 1 / self.devicePixelRatioF() / self._viewport.zoom
            self._viewport = self._viewport.zoomed(factor, at.x(), at.y())
            self._changed()
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = 0.02 if self.is_comparing() else 0.0
        match event.key():
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom_by(1.25)
            case Qt.Key.Key_Minus:
                self.zoom_by(0.8)
            case Qt.Key.Key_0:
                self.fit()
            case Qt.Key.Key_1:
                self.actual_size()
            case Qt.Key.Key_Left if step:
                self.set_divider(self._divider - step)
            case Qt.Key.Key_Right if step:
                self.set_divider(self._divider + step)
            case Qt.Key.Key_Left | Qt.Key.Key_Right | Qt.Key.Key_Up | Qt.Key.Key_Down:
                dx = {Qt.Key.Key_Left: 40, Qt.Key.Key_Right: -40}.get(Qt.Key(event.key()), 0)
                dy = {Qt.Key.Key_Up: 40, Qt.Key.Key_Down: -40}.get(Qt.Key(event.key()), 0)
                self._viewport = self._viewport.panned(dx, dy)
                self.update()
            case _:
                super().keyPressEvent(event)
