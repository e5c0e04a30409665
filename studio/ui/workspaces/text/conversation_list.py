"""The list of conversations: search, open, rename, delete."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QFrame, QLineEdit, QMenu, QVBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr
from studio.ui.widgets.long_list import LongList
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.times import time_ago_text
from studio.ui.widgets.two_line_delegate import Index, TwoLineDelegate
from studio.ui.workspaces.text.conversation import MAX_TITLE
from studio.ui.workspaces.text.conversation_files import Entry

WIDTH = 30 * GRID
SEARCH_DELAY_MS = 250
_USED = Qt.ItemDataRole.UserRole
_NOWHERE = QModelIndex()


class _Entries(QAbstractListModel):
    """The entries in the list; their titles can be edited."""

    renamed = Signal(str, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: Sequence[Entry] = ()

    def set_entries(self, entries: Sequence[Entry]) -> None:
        if [entry.id for entry in entries] == [entry.id for entry in self.entries]:
            self.entries = entries
            if entries:
                self.dataChanged.emit(self.index(0), self.index(len(entries) - 1))
            return
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(entry.title) or tr("Without a title")
        if role == Qt.ItemDataRole.EditRole:
            return entry.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(entry.title)
        if role == _USED:
            return entry.used
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        title = " ".join(str(value).split())[:MAX_TITLE]
        entry = self.entries[index.row()]
        if title != entry.title:
            self.renamed.emit(entry.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable


class _Delegate(TwoLineDelegate):
    def second_line(self, index: Index) -> str:
        used = index.data(_USED)
        if not isinstance(used, float) or not math.isfinite(used) or used <= 0:
            return ""
        try:
            return time_ago_text(datetime.fromtimestamp(used), datetime.now())
        except (OverflowError, OSError, ValueError):
            return ""


class ConversationList(QFrame):
    """Object names: `text.conversations`, `text.search`."""

    opened = Signal(str)
    renamed = Signal(str, str)
    """An id and a title."""
    delete_requested = Signal(object)
    """An `Entry`."""
    search_requested = Signal(str)
    """Words, or nothing; answer with `show_found`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self._entries: Sequence[Entry] = ()
        self._found: set[str] | None = None
        self._current = ""
        self.search = QLineEdit(self)
        self.search.setObjectName("text.search")
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setAccessibleName(self.tr("Search conversations"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setMaxLength(200)
        self._model = _Entries(self)
        self._model.renamed.connect(self.renamed)
        self.view = LongList(self)
        self.view.setObjectName("text.conversations")
        self.view.setAccessibleName(self.tr("Conversations"))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.view.setItemDelegate(_Delegate(0, self.view))
        self.view.viewport().setAutoFillBackground(False)
        self.view.setModel(self._model)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.clicked.connect(self._open)
        self.view.activated.connect(self._open)
        self.view.update_row_height()
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.view)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._delete)
        self.nothing = plain_label("", self)
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        mute(self.nothing)
        self.nothing.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        for widget in (self.search, self.nothing):
            layout.addWidget(widget)
        layout.addWidget(self.view, 1)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(SEARCH_DELAY_MS)
        self._delay.timeout.connect(lambda: self.search_requested.emit(self.search.text().strip()))
        self.search.textChanged.connect(self._search_changed)
        # "5 min ago" goes on.
        self._minute = QTimer(self)
        self._minute.setInterval(60_000)
        self._minute.timeout.connect(self.view.viewport().update)
        self._minute.start()

    def show_entries(self, entries: Sequence[Entry], current: str) -> None:
        """Show these conversations; `current` is the id of the open one."""
        self._entries = entries
        self._current = current
        self._fill()

    def show_found(self, words: str, found: set[str]) -> None:
        """Show only the conversations that were found, if these words are still searched for."""
        if words == self.search.text().strip():
            self._found = found
            self._fill()

    def edit_title(self, id: str) -> None:
        """Let the user change the title of a conversation."""
        for row, entry in enumerate(self._model.entries):
            if entry.id == id:
                self.view.scrollTo(self._model.index(row))
                self.view.edit(self._model.index(row))

    def _fill(self) -> None:
        found = self._found
        shown = [entry for entry in self._entries if found is None or entry.id in found]
        if self.view.state() != QAbstractItemView.State.EditingState:
            self._model.set_entries(shown)
        self.nothing.setText(
            self.tr("No conversation contains this.")
            if found is not None
            else self.tr("Your conversations are kept here.")
        )
        self.nothing.setVisible(not shown)
        row = next((n for n, entry in enumerate(shown) if entry.id == self._current), None)
        if row is None:
            self.view.clearSelection()
            self.view.setCurrentIndex(QModelIndex())
        elif self.view.currentIndex().row() != row or not self.view.selected_count():
            self.view.selectRow(row)

    def _search_changed(self, text: str) -> None:
        if text.strip():
            self._delay.start()
        else:
            self._delay.stop()
            self._found = None
            self._fill()

    def _entry(self) -> Entry | None:
        row = self.view.currentIndex().row()
        return self._model.entries[row] if 0 <= row < len(self._model.entries) else None

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(self._model.entries[index.row()].id)

    def _delete(self) -> None:
        entry = self._entry()
        if entry is not None:
            self.delete_requested.emit(entry)

    def _show_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if not index.isValid():
            return
        entry = self._model.entries[index.row()]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Open"), lambda: self.opened.emit(entry.id))
        menu.addAction(icon("pencil"), self.tr("Rename"), lambda: self.edit_title(entry.id))
        menu.addSeparator()
        menu.addAction(
            icon("trash-2"), self.tr("Delete"), lambda: self.delete_requested.emit(entry)
        )
        menu.popup(self.view.viewport().mapToGlobal(place))
