"""Synchronise zoom and position of the canvases in the compare dialog."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPalette, QPen, QResizeEvent

from studio.ui.compare.relative_view import RelativeView
from studio.ui.media.picture.canvas import PictureCanvas


class LinkedView(QObject):
    """A tool of a `PictureCanvas` that reports when the user zooms or pans.

    It also paints a message while there is no picture, and a frame around the focused picture.
    """

    moved = Signal(object)
    """The user zoomed or panned to this `RelativeView`."""

    def __init__(self, canvas: PictureCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._message = self.tr("Loading…")
        self._view = RelativeView()
        canvas.set_tool(self)
        canvas.view_changed.connect(self._report_view)

    def set_message(self, text: str) -> None:
        """Set the text that is painted while there is no picture."""
        self._message = text
        self._canvas.update()

    def set_view(self, view: RelativeView) -> None:
        """Zoom and pan the canvas to a view."""
        self._view = view
        self._canvas.set_viewport(view.applied_to(self._canvas.viewport))

    def restore_view(self) -> None:
        """Apply the current view again, after the picture or the canvas size changed."""
        self.set_view(self._view)

    def paint(self, painter: QPainter, _area: QRect) -> None:
        palette, area = self._canvas.palette(), self._canvas.rect()
        if self._canvas.picture.isNull():
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area.adjusted(8, 8, -8, -8), int(flags), self._message)
        if self._canvas.hasFocus():
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))

    def handle(self, event: QEvent) -> bool:
        if isinstance(event, QResizeEvent):
            self.restore_view()
        return False

    def _report_view(self) -> None:
        self._view = RelativeView.of(self._canvas.viewport)
        self.moved.emit(self._view)
