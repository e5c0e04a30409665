"""The results as a list, from which they can be dragged."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from studio.ui.gallery.history_model import HistoryModel
from studio.ui.gallery.result_drag import drag_results
from studio.ui.widgets.long_list import LongList


class ResultList(LongList):
    """Space, Enter and a double click activate a result."""

    def __init__(self, model: HistoryModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._results = model
        self.setModel(model)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)

    def startDrag(self, _actions: Qt.DropAction) -> None:
        drag_results(self, self._results, self.selectionModel().selection())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.activated.emit(self.currentIndex())
            return
        super().keyPressEvent(event)
