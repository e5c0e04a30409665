"""A picture with zoom and pan, and the interface of tools that work on it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
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

from studio.ui.media.picture.backing import backing_of
from studio.ui.media.picture.viewport import Viewport

SMOOTH_UP_TO = 8
"""Screen pixels per picture pixel up to which scaling is smooth; beyond, pixels are squares."""

LARGEST_FIT = 4.0
"""Most that a result is enlarged to fit: an icon of 128 pixels is no poster."""

_MOST_ENLARGED = 4_000_000
"""Pixels up to which a picture is enlarged in steps before it is drawn."""

STEP = 40
"""Distance in points that an arrow key pans."""

_ARROWS = {
    Qt.Key.Key_Left: (STEP, 0),
    Qt.Key.Key_Right: (-STEP, 0),
    Qt.Key.Key_Up: (0, STEP),
    Qt.Key.Key_Down: (0, -STEP),
}


class PictureTool(Protocol):
    """A tool that draws on the picture and handles events before the canvas does."""

    def paint(self, painter: QPainter, area: QRect) -> None:
        """Draw on top of the picture; only `area`, in points of the view, is visible."""
        ...

    def handle(self, event: QEvent) -> bool:
        """Handle a pointer, key, focus or resize event; return whether it was consumed.

        An event that was not consumed zooms or pans the picture.
        """
        ...


def chequered(palette: QPalette, backing: QColor | None = None) -> QBrush:
    """Return the chequerboard shown behind transparent pixels, in tones of `backing` if given."""
    light = backing or palette.color(QPalette.ColorRole.Base)
    dark = backing or palette.color(QPalette.ColorRole.AlternateBase)
    if light == dark:
        dark = light.darker(108) if light.lightness() > 127 else light.lighter(130)
    tile = QImage(16, 16, QImage.Format.Format_RGB32)
    tile.fill(light)
    painter = QPainter(tile)
    painter.fillRect(0, 0, 8, 8, dark)
    painter.fillRect(8, 8, 8, 8, dark)
    painter.end()
    return QBrush(tile)


def _enlarged_in_steps(image: QImage, scale: float) -> QImage:
    """Return an image doubled beyond a scale: in one step, its pixels would show as diamonds."""
    while scale > 1 and 4 * image.width() * image.height() <= _MOST_ENLARGED:
        image = image.scaled(
            image.size() * 2,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        scale /= 2
    return image


def _aligned(area: QRect) -> QRect:
    """Expand an area to multiples of 4 points, which are whole pixels at 125 % too."""
    left, top = area.left() // 4 * 4, area.top() // 4 * 4
    right, bottom = -(-(area.right() + 1) // 4) * 4, -(-(area.bottom() + 1) // 4) * 4
    return QRect(left, top, right - left, bottom - top)


class PictureCanvas(QWidget):
    """Shows a picture: the wheel zooms at the pointer, dragging pans, a double click toggles
    between fit and 100 %; the keys + - 0 1 and the arrows do the same.

    A tool gets every event first, and draws on top of the picture.
    """

    zoom_changed = Signal(float)
    view_changed = Signal()
    """The user has zoomed or panned."""

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        background: QPalette.ColorRole = QPalette.ColorRole.Window,
        shows_transparency: bool = True,
        largest_fit: float = 8.0,
    ) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 120)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._background = background
        self._shows_transparency = shows_transparency
        self._tool: PictureTool | None = None
        self._picture = QImage()
        self._backing: QColor | None = None
        """On which the picture is seen, where it is not in every theme."""
        self._viewport = Viewport(most=largest_fit)
        self._backdrop = QPixmap()
        self._drag: QPointF | None = None

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    @property
    def viewport(self) -> Viewport:
        """The current zoom and position."""
        return self._viewport

    @property
    def picture(self) -> QImage:
        """The picture; null if there is none."""
        return self._picture

    @property
    def is_smooth(self) -> bool:
        """Whether the picture is scaled smoothly at the current zoom."""
        return self._viewport.zoom * self.devicePixelRatioF() <= SMOOTH_UP_TO

    def set_tool(self, tool: PictureTool) -> None:
        """Set the tool that draws on the picture and gets events first."""
        self._tool = tool
        self.update()

    def set_picture(self, picture: QImage, size: QSize | None = None) -> None:
        """Show a picture; `size` is its full size if `picture` is a downscaled copy."""
        self._picture = picture
        self._backing = backing_of(picture)
        shown = size if size is not None and size.isValid() else picture.size()
        self.set_viewport(self._viewport.with_picture(shown.width(), shown.height()))

    def clear(self) -> None:
        """Show nothing."""
        self._picture = QImage()
        self._viewport = Viewport(view=self._viewport.view, most=self._viewport.most)
        self._redraw()

    def set_viewport(self, viewport: Viewport) -> None:
        """Set the zoom and the position."""
        self._viewport = viewport
        self.zoom_changed.emit(viewport.zoom * self.devicePixelRatioF())
        self._redraw()

    def fit(self) -> None:
        """Show the whole picture."""
        self._navigate(self._viewport.fit())

    def actual_size(self) -> None:
        """Show one picture pixel per screen pixel."""
        self._navigate(self._viewport.at_zoom(1 / self.devicePixelRatioF()))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom around a point, or the middle of the view."""
        width, height = self._viewport.view
        where = QPointF(width / 2, height / 2) if at is None else at
        self._navigate(self._viewport.zoomed(factor, where.x(), where.y()))

    def pan_by(self, dx: float, dy: float) -> None:
        """Pan by points of the view."""
        self._navigate(self._viewport.panned(dx, dy))

    def _navigate(self, viewport: Viewport) -> None:
        self.set_viewport(viewport)
        self.view_changed.emit()

    # ---- drawing

    def _redraw(self) -> None:
        self._backdrop = QPixmap()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        # The scaled picture is cached, so that a change of the tool only redraws the tool.
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
        pixmap.fill(self.palette().color(self._background))
        if self._picture.isNull():
            return pixmap
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.is_smooth)
        picture = self._picture
        if self.is_smooth and self._viewport.fitted:
            shown = self._viewport.target()[2] * ratio
            picture = _enlarged_in_steps(picture, shown / max(1, picture.width()))
        self.draw_image(painter, picture, QRectF(self.rect()))
        painter.end()
        return pixmap

    def draw_image(self, painter: QPainter, image: QImage, area: QRectF) -> None:
        """Draw the part of an image that covers `area` of the view, in the place of the picture.

        Only the visible part is drawn, so that a large picture at high zoom stays fast.
        """
        target = QRectF(*self._viewport.target())
        if self._shows_transparency and image.hasAlphaChannel():
            painter.setBrushOrigin(target.topLeft())
            painter.fillRect(target.intersected(area), chequered(self.palette(), self._backing))
        target_part, part = self.visible_part(image.size(), area)
        if not part.isEmpty():
            painter.drawImage(target_part, image, QRectF(part))

    def visible_part(self, size: QSize, area: QRectF) -> tuple[QRectF, QRect]:
        """Return the pixels of an image in the place of the picture that cover an area.

        Args:
            size: the image's width and height in its own pixels.
            area: in points of the view.

        Returns:
            The rectangle of these pixels in the view, and in the image. They are whole pixels, so
            that overlaid images align at any zoom.
        """
        x, y, width, height = self._viewport.target()
        scale_x, scale_y = width / max(1, size.width()), height / max(1, size.height())
        pixels = QRectF((area.x() - x) / scale_x, (area.y() - y) / scale_y, 0, 0)
        pixels.setSize(QSizeF(area.width() / scale_x, area.height() / scale_y))
        part = pixels.adjusted(-1, -1, 1, 1).toAlignedRect() & QRect(QPoint(0, 0), size)
        target_part = QRectF(x + part.x() * scale_x, y + part.y() * scale_y, 0, 0)
        target_part.setSize(QSizeF(part.width() * scale_x, part.height() * scale_y))
        return target_part, part

    # ---- events

    def _tool_consumes(self, event: QEvent) -> bool:
        return self._tool is not None and self._tool.handle(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.set_viewport(self._viewport.with_view(event.size().width(), event.size().height()))
        self._tool_consumes(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (
            QEvent.Type.PaletteChange,
            QEvent.Type.EnabledChange,
            QEvent.Type.DevicePixelRatioChange,
        ):
            self._redraw()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._tool_consumes(event):
            self.zoom_by(1.2 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._tool_consumes(event) and event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._tool_consumes(event):
            return
        if self._drag is None:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            return
        delta = event.position() - self._drag
        self._drag = event.position()
        self.pan_by(delta.x(), delta.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._tool_consumes(event):
            self._drag = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._tool_consumes(event):
            return
        if self._viewport.fitted:
            factor = 1 / self.devicePixelRatioF() / self._viewport.zoom
            self.zoom_by(factor, event.position())
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._tool_consumes(event):
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
        if not self._tool_consumes(event):
            super().keyReleaseEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._tool_consumes(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._tool_consumes(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._tool_consumes(event)
