"""A list view that stays fast with 100,000 rows.

`QListView` queries the model for every row whenever one is inserted, which takes 0.2 s with 100,000
rows in a Python model. A one-column table with a fixed row height computes positions instead.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QItemSelectionRange, QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)


class LongList(QTableView):
    """A one-column table; all rows have the height of the delegate's size hint."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        # Tab moves the focus to the next widget, as in other lists.
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)

    def visible_rows(self) -> range:
        """Return the range of rows in the viewport."""
        model = self.model()
        count = model.rowCount() if model is not None else 0
        height = max(1, self.verticalHeader().defaultSectionSize())
        first = self.verticalOffset() // height
        last = (self.verticalOffset() + self.viewport().height()) // height + 1
        return range(min(first, count), min(last, count))

    def selected_rows(self) -> list[int]:
        """Return the selected rows, ascending, without creating an index for each."""
        rows: set[int] = set()
        for part in self._selected_ranges():
            rows.update(range(part.top(), part.bottom() + 1))
        return sorted(rows)

    def selected_count(self) -> int:
        """Return the number of selected rows."""
        return sum(part.height() for part in self._selected_ranges())

    def _selected_ranges(self) -> list[QItemSelectionRange]:
        selection = self.selectionModel().selection()
        return [selection.at(number) for number in range(selection.size())]

    def update_row_height(self) -> None:
        """Set the row height to the delegate's size hint with the current font."""
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        height = self.itemDelegate().sizeHint(option, QModelIndex()).height()
        if height > 0:
            self.verticalHeader().setDefaultSectionSize(height)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.update_row_height()
