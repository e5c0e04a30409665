"""The documents of a collection as a table: name, length, and when each was read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication

from studio.jobs.documents.collection_files import CollectionFile
from studio.ui.style.theme import severity_colour
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.workspaces.text.documents.lengths import length_text

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_LONGEST = 300


class CollectionModel(QAbstractTableModel):
    """One row for each document."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[CollectionFile] = []

    def show(self, files: Sequence[CollectionFile]) -> None:
        """Show other documents, or the same as they are now."""
        if len(files) == len(self.files) and files:
            self.files = list(files)
            self.dataChanged.emit(self.index(0, 0), self.index(len(files) - 1, 2))
            return
        self.beginResetModel()
        self.files = list(files)
        self.endResetModel()

    def set_file(self, row: int, file: CollectionFile) -> None:
        """Show a document that was read."""
        if row < len(self.files) and self.files[row].name == file.name:
            self.files[row] = file
            self.dataChanged.emit(self.index(row, 0), self.index(row, 2))

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.files)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (tr("Document"), tr("Extent"), tr("Read"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        file = self.files[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(self._text(file, index.column()), _LONGEST)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._text(file, index.column()))
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 2:
            if file.state == "unreadable":
                return severity_colour("error", QGuiApplication.palette())
            if file.state == "changed":
                return severity_colour("warning", QGuiApplication.palette())
        return None

    @staticmethod
    def _text(file: CollectionFile, column: int) -> str:
        if column == 0:
            return file.name
        if column == 1:
            return length_text(file.place, file.parts)
        if file.problem is not None:
            return translated(file.problem.message)
        if file.state == "new":
            return tr("Not read yet")
        then = f"{datetime.fromisoformat(file.read).astimezone():%Y-%m-%d %H:%M}"
        if file.state == "changed":
            return tr("{time}, changed since").format(time=then)
        return then
