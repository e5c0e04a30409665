"""A list of files that takes dropped ones."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths


class FileListView(QListView):
    """Accepts dropped files and folders; Delete asks to remove the selected ones.

    `hint` is shown while the list is empty.
    """

    dropped = Signal(list)
    remove_requested = Signal()

    def __init__(
        self, model: QAbstractItemModel, title: str, hint: str, name: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._hint = hint
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setModel(model)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(False)
        self.setMinimumHeight(120)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.model().rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(
                self.viewport().rect().adjusted(16, 16, -16, -16),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                self._hint,
            )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_requested.emit()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = accepted_paths(event, dropped_paths)
        if paths:
            self.dropped.emit(paths)
