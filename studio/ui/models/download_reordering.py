"""Dragging downloads to another place in their list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from PySide6.QtCore import QByteArray, QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDrag, QDragMoveEvent, QDropEvent, QPalette
from PySide6.QtWidgets import QFrame, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.scroll_column import ScrollColumn

MIME_TYPE = "application/x-prompt-studio-download"
"""The data is the id of an item of the queue."""


def drag_download(row: QWidget, id: str) -> None:
    """Drag a row with the mouse, until it is dropped."""
    data = QMimeData()
    data.setData(MIME_TYPE, QByteArray(id.encode()))
    drag = QDrag(row.window())  # the row may go while it is dragged
    drag.setMimeData(data)
    drag.setPixmap(row.grab())
    drag.exec(Qt.DropAction.MoveAction)


class DropPlaces(QObject):
    """Shows a line where a dragged row would be put. `rows` returns those that can be moved."""

    dropped = Signal(str, int)
    """The id of an item, and how many of the rows were above the place."""

    def __init__(
        self, column: ScrollColumn, rows: Callable[[], Sequence[QWidget]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._column = column
        self._rows = rows
        self._content = column.content
        self._content.setAcceptDrops(True)
        self._content.installEventFilter(self)
        self._line = QFrame(self._content)
        self._line.setObjectName("downloads.drop_line")
        self._line.setFixedHeight(2)
        self._line.setAutoFillBackground(True)
        self._line.setBackgroundRole(QPalette.ColorRole.Accent)
        self._line.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take drops of downloads on the list."""
        kind = event.type()
        if kind == QEvent.Type.DragLeave:
            self._line.hide()
        elif kind in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return self._handle(cast("QDropEvent", event))
        return super().eventFilter(watched, event)

    def _handle(self, event: QDropEvent) -> bool:
        if not event.mimeData().hasFormat(MIME_TYPE):
            return False
        y = round(event.position().y())
        rows = self._rows()
        place = sum(row.geometry().center().y() < y for row in rows)
        event.acceptProposedAction()
        if isinstance(event, QDragMoveEvent):  # entering is moving as well
            self._show_line(rows, place)
            self._column.ensureVisible(0, y, 0, 4 * GRID)
        else:
            self._line.hide()
            id = bytes(event.mimeData().data(MIME_TYPE).data()).decode(errors="replace")
            self.dropped.emit(id, place)
        return True

    def _show_line(self, rows: Sequence[QWidget], place: int) -> None:
        if not rows:
            return
        if place < len(rows):
            y = rows[place].geometry().top() - GRID // 2
        else:
            y = rows[-1].geometry().bottom() + GRID // 2
        self._line.setGeometry(0, max(0, y - 1), self._content.width(), 2)
        self._line.raise_()
        self._line.show()
