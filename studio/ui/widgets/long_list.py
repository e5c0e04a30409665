"""A list of a hundred thousand rows that is laid out in no time.

`QListView` asks the model about every row whenever one is added: 0.2 s with 100,000 rows in a
model written in Python. A table of one column, without headers, only multiplies.
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
    """One column of rows, all as high as the delegate says of the first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        # Tab leaves the list, as it does every other one.
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)

    def visible_rows(self) -> range:
        """Return the rows that can be seen now, as far as they exist."""
        model = self.model()
        count = model.rowCount() if model is not None else 0
        height = max(1, self.verticalHeader().defaultSectionSize())
        first = self.verticalOffset() // height
        last = (self.verticalOffset() + self.viewport().height()) // height + 1
        return range(min(first, count), min(last, count))

    def selected_rows(self) -> list[int]:
        """Return the selected rows in order, without making an index for each."""
        rows: set[int] = set()
        for part in self._parts():
            rows.update(range(part.top(), part.bottom() + 1))
        return sorted(rows)

    def selected_count(self) -> int:
        """Return how many rows are selected."""
        return sum(part.height() for part in self._parts())

    def _parts(self) -> list[QItemSelectionRange]:
        selection = self.selectionModel().selection()
        return [selection.at(place) for place in range(selection.size())]

    def update_row_height(self) -> None:
        """Give the rows the height that the delegate wants with the font of now."""
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        height = self.itemDelegate().sizeHint(option, QModelIndex()).height()
        if height > 0:
            self.verticalHeader().setDefaultSectionSize(height)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.update_row_height()
