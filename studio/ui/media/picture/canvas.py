"""Drawing a picture with zoom and pan, and what a tool draws and does on top of it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from studio.ui.media.picture.viewport import Viewport

SMOOTH_BELOW = 3
"""Screen pixels per picture pixel from which on the picture's pixels are shown as squares."""

STEP = 40
"""Points that an arrow key moves the picture."""

_ARROWS = {
    Qt.Key.Key_Left: (STEP, 0),
    Qt.Key.Key_Right: (-STEP, 0),
    Qt.Key.Key_Up: (0, STEP),
    Qt.Key.Key_Down: (0, -STEP),
}


class PictureTool(Protocol):
    """What can be done on a picture besides zooming and moving it."""

    def paint(self, painter: QPainter, area: QRect) -> None:
        """Draw on top of the picture. Only `area`, in points of the view, is shown."""
        ...

    def handle(self, event: QEvent) -> bool:
        """Use an event of pointer, keys, focus or size; return whether it was used up.

        An event that was not used up zooms or moves the picture.
        """
        ...


def chequered(palette: QPalette) -> QBrush:
    """Return the pattern that is seen through transparent pixels."""
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


def _aligned(area: QRect) -> QRect:
    """Return an area grown to multiples of 4 points, which are whole pixels at 125 % too."""
    left, top = area.left() // 4 * 4, area.top() // 4 * 4
    right, bottom = -(-(area.right() + 1) // 4) * 4, -(-(area.bottom() + 1) // 4) * 4
    return QRect(left, top, right - left, bottom - top)


class PictureCanvas(QWidget):
    """Wheel zooms at the pointer, dragging pans, a double click switches between fitting and one
    picture pixel per screen pixel; + - 0 1 and the arrow keys do the same from the keyboard.

    A tool is asked first about every event, and draws on top of the picture.
    """

    zoom_changed = Signal(float)
    view_changed = Signal()
    """The user looks at another part of the picture, or at another zoom."""

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        ground: QPalette.ColorRole = QPalette.ColorRole.Window,
        shows_transparency: bool = True,
    ) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 120)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._ground = ground
        self._shows_transparency = shows_transparency
        self._tool: PictureTool | None = None
        self._picture = QImage()
        self._viewport = Viewport()
        self._backdrop = QPixmap()
        self._drag: QPointF | None = None

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    @property
    def viewport(self) -> Viewport:
        """How the picture lies in the view now."""
        return self._viewport

    @property
    def picture(self) -> QImage:
        """The picture, null where there is none."""
        return self._picture

    @property
    def is_smooth(self) -> bool:
        """Whether the zoom is low enough for pixels to be blended."""
        return self._viewport.zoom * self.devicePixelRatioF() < SMOOTH_BELOW

    def set_tool(self, tool: PictureTool) -> None:
        """Let a tool draw on the picture and use events before they zoom and move it."""
        self._tool = tool
        self.update()

    def set_picture(self, picture: QImage, size: QSize | None = None) -> None:
        """Show a picture; `size` is its true size where `picture` is a smaller copy."""
        self._picture = picture
        shown = size if size is not None and size.isValid() else picture.size()
        self.set_viewport(self._viewport.with_picture(shown.width(), shown.height()))

    def clear(self) -> None:
        """Show nothing."""
        self._picture = QImage()
        self._viewport = Viewport(view=self._viewport.view)
        self._redraw()

    def set_viewport(self, viewport: Viewport) -> None:
        """Look at the picture in a given way."""
        self._viewport = viewport
        self.zoom_changed.emit(viewport.zoom * self.devicePixelRatioF())
        self._redraw()

    def fit(self) -> None:
        """Show the whole picture."""
        self._go(self._viewport.fit())

    def actual_size(self) -> None:
        """Show one picture pixel per screen pixel."""
        self._go(self._viewport.at_zoom(1 / self.devicePixelRatioF()))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom around a point, or the middle of the view."""
        width, height = self._viewport.view
        where = QPointF(width / 2, height / 2) if at is None else at
        self._go(self._viewport.zoomed(factor, where.x(), where.y()))

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the picture by points of the view."""
        self._go(self._viewport.panned(dx, dy))

    def _go(self, viewport: Viewport) -> None:
        self.set_viewport(viewport)
        self.view_changed.emit()

    # ---- drawing

    def _redraw(self) -> None:
        self._backdrop = QPixmap()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        # The picture is kept as it is drawn, so that a tool's changes cost only their own drawing.
        if self._backdrop.isNull():
            self._backdrop = self._draw_backdrop()
        area, ratio = _aligned(event.rect()), self.devicePixelRatioF()
        source = QRectF(area.x() * ratio, area.y() * ratio, 0, 0)
        source.setSize(area.size().toSizeF() * ratio)
        painter = QPainter(self)
        painter.drawPixmap(QRectF(area), self._backdrop, source)
        if self._tool is not None:
            self._tool.paint(painter, area)

    def _draw_backdrop(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap((self.size() * ratio).expandedTo(QSize(1, 1)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.palette().color(self._ground))
        if self._picture.isNull():
            return pixmap
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.is_smooth)
        self.draw_image(painter, self._picture, QRectF(self.rect()))
        painter.end()
        return pixmap

    def draw_image(self, painter: QPainter, image: QImage, area: QRectF) -> None:
        """Draw, within an area of the view, an image that lies where the picture lies.

        Only the part that is seen is drawn, so that a large picture at high zoom stays quick.
        """
        target = QRectF(*self._viewport.target())
        if self._shows_transparency and image.hasAlphaChannel():
            painter.setBrushOrigin(target.topLeft())
            painter.fillRect(target.intersected(area), chequered(self.palette()))
        place, part = self.visible_part(image.size(), area)
        if not part.isEmpty():
            painter.drawImage(place, image, QRectF(part))

    def visible_part(self, size: QSize, area: QRectF) -> tuple[QRectF, QRect]:
        """Return which pixels of an image, that lies where the picture lies, cover an area.

        Args:
            size: the image's width and height in its own pixels.
            area: in points of the view.

        Returns:
            Where in the view these pixels lie, and the pixels. They are whole ones, so that
            images on top of each other fit at any zoom.
        """
        x, y, width, height = self._viewport.target()
        across, down = width / max(1, size.width()), height / max(1, size.height())
        pixels = QRectF((area.x() - x) / across, (area.y() - y) / down, 0, 0)
        pixels.setSize(QSizeF(area.width() / across, area.height() / down))
        part = pixels.adjusted(-1, -1, 1, 1).toAlignedRect() & QRect(QPoint(0, 0), size)
        place = QRectF(x + part.x() * across, y + part.y() * down, 0, 0)
        place.setSize(QSizeF(part.width() * across, part.height() * down))
        return place, part

    # ---- events

    def _is_used(self, event: QEvent) -> bool:
        return self._tool is not None and self._tool.handle(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.set_viewport(self._viewport.with_view(event.size().width(), event.size().height()))
        self._is_used(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (
            QEvent.Type.PaletteChange,
            QEvent.Type.EnabledChange,
            QEvent.Type.DevicePixelRatioChange,
        ):
            self._redraw()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._is_used(event):
            self.zoom_by(1.2 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._is_used(event) and event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_used(event):
            return
        if self._drag is None:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            return
        by = event.position() - self._drag
        self._drag = event.position()
        self.pan_by(by.x(), by.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._is_used(event):
            self._drag = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._is_used(event):
            return
        if self._viewport.fitted:
            factor = 1 / self.devicePixelRatioF() / self._viewport.zoom
            self.zoom_by(factor, event.position())
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._is_used(event):
            return
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
                self.pan_by(*_ARROWS[Qt.Key(event.key())])
            case _:
                super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._is_used(event):
            super().keyReleaseEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._is_used(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._is_used(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._is_used(event)
