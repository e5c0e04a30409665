"""The list view of the queue dock: its delegate, and drag and drop of waiting jobs."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QModelIndex, QPoint, Qt
from PySide6.QtGui import QColor, QDropEvent, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QListView, QWidget

from studio.library.records import Job
from studio.ui.queue.queue_model import FRACTION_ROLE, JOB_ROLE, STATUS_ROLE
from studio.ui.style.icons import icon
from studio.ui.style.theme import severity_colour
from studio.ui.widgets.two_line_delegate import Index, TwoLineDelegate

_STATUS_ICONS = {
    "queued": "clock",
    "running": "circle-play",
    "done": "circle-check",
    "failed": "circle-alert",
    "cancelled": "circle-x",
    "interrupted": "triangle-alert",
}


class _JobDelegate(TwoLineDelegate):
    def picture(self, index: Index) -> QIcon | QPixmap | None:
        job: Job = index.data(JOB_ROLE)
        return icon(_STATUS_ICONS[job.status])

    def second_line(self, index: Index) -> str:
        return str(index.data(STATUS_ROLE))

    def second_line_colour(self, index: Index, palette: QPalette) -> QColor:
        job: Job = index.data(JOB_ROLE)
        if job.status == "failed":
            return severity_colour("error", palette)
        return super().second_line_colour(index, palette)

    def progress(self, index: Index) -> float | None:
        found = index.data(FRACTION_ROLE)
        return None if found is None else float(found)


class QueueList(QListView):
    """Object name `queue.view`. Waiting jobs can be reordered by dragging."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue.view")
        self.setAccessibleName(self.tr("Queue"))
        self.setItemDelegate(_JobDelegate(20, self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QListView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def drop(self, data: QMimeData, position: QPoint) -> bool:
        """Drop jobs at a viewport position; return whether they can be dropped there."""
        index = self.indexAt(position)
        row = index.row()
        if index.isValid() and position.y() >= self.visualRect(index).center().y():
            row += 1
        return self.model().dropMimeData(data, Qt.DropAction.MoveAction, row, 0, QModelIndex())

    def dropEvent(self, event: QDropEvent) -> None:
        # Qt's default moves the rows one by one, and removes rows that are dropped in place.
        if event.source() is self and self.drop(event.mimeData(), event.position().toPoint()):
            event.setDropAction(Qt.DropAction.MoveAction)
            event.accept()
        else:
            event.ignore()
        self.setState(QListView.State.NoState)
        self.viewport().update()
