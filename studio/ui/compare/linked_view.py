"""Lets the canvases of pictures that are compared look at the same part."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPalette, QPen, QResizeEvent

from studio.ui.compare.relative_view import RelativeView
from studio.ui.media.picture.canvas import PictureCanvas


class LinkedView(QObject):
    """A tool of a `PictureCanvas`: tells the others how the user looks at this picture.

    It says something where there is no picture, and frames the picture that has the focus.
    """

    moved = Signal(object)
    """A `RelativeView`: the user looks at the picture in this way now."""

    def __init__(self, canvas: PictureCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._message = self.tr("Loading…")
        self._view = RelativeView()
        canvas.set_tool(self)
        canvas.view_changed.connect(self._report_view)

    def set_message(self, text: str) -> None:
        """Say something in the place of the picture."""
        self._message = text
        self._canvas.update()

    def look(self, view: RelativeView) -> None:
        """Look at the picture in a given way."""
        self._view = view
        self._canvas.set_viewport(view.applied_to(self._canvas.viewport))

    def look_again(self) -> None:
        """Look at another picture, or at one of another size, in the same way."""
        self.look(self._view)

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
            self.look_again()
        return False

    def _report_view(self) -> None:
        self._view = RelativeView.of(self._canvas.viewport)
        self.moved.emit(self._view)
