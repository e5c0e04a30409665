"""The history dock: the list of results with filters, details and actions."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.ui.gallery.asset_delegate import ROW_SIDE, AssetDelegate
from studio.ui.gallery.detail_text import detail_text
from studio.ui.gallery.filters import Filters
from studio.ui.gallery.history_commands import HistoryCommands
from studio.ui.gallery.history_menu import fill_menu, fill_more
from studio.ui.gallery.history_model import PICTURE_ROLE, HistoryModel
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.long_list import LongList
from studio.ui.widgets.plain_text import plain_label

if TYPE_CHECKING:
    from studio.library.index.facets import Facets
    from studio.library.records import Asset
    from studio.library.store import Library

    _Found = tuple[array[int], list[Asset]]

_MARGIN = 20
"""Rows above the visible ones that are read with them, and half of those below."""

AGES_MS = 30_000
"""How often "4 min ago" is painted anew."""

_BUTTONS = {
    "use": "",
    "open": "",
    "folder": "",
    "copy": "",
    "star": "history.star",
    "tags": "history.tags.open",
    "delete": "history.delete",
}
"""The actions with a button below the list, with its object name."""


class HistoryView(QWidget):
    """Object names: `history.view`, `history.search`, `history.detail`, `history.delete`, …"""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._generation = 0
        self.search = QLineEdit(self)
        self.search.setObjectName("history.search")
        self.search.setAccessibleName(self.tr("Search the results"))
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(250)
        self._typing.timeout.connect(self._filter)
        self.filters = Filters(self)
        self.filters.changed.connect(self._filter)
        self.filters.opened.connect(self._load_filter_options)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.model = HistoryModel(state.background, self)
        self.view = LongList(self)
        self.view.setObjectName("history.view")
        self.view.setAccessibleName(self.tr("Recent results"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(AssetDelegate(ROW_SIDE, self.view))
        self.view.update_row_height()
        self.view.setMinimumHeight(ROW_SIDE + GRID)
        self.commands = HistoryCommands(state, self.model, self.view, self.filters, self)
        self.filters.row.addWidget(self._more_button())
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.activated.connect(self._activated)
        self.view.selectionModel().currentChanged.connect(self._show_detail)
        self.view.selectionModel().selectionChanged.connect(self._show_detail)
        self.model.dataChanged.connect(self._data_changed)
        self._empty = plain_label(parent=self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        mute(self._empty)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        self.count = ElidedLabel(parent=self)
        self.count.setObjectName("history.count")
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.detail = QTextBrowser(self)
        self.detail.setObjectName("history.detail")
        self.detail.setAccessibleName(self.tr("Details of the selected result"))
        self.detail.setOpenLinks(False)
        self.detail.setTabChangesFocus(True)
        self.detail.setMinimumHeight(5 * GRID)
        self.detail.setMaximumHeight(17 * GRID)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID // 2)
        self._actions = [self._button(name) for name in _BUTTONS]
        for action in self.commands.results:
            if action.keys:
                self._bind(QKeySequence(action.keys), partial(self.commands.do, action.name))
        undo = QKeySequence(QKeySequence.StandardKey.Undo)
        self._bind(undo, self.commands.results.operations.undo)
        self._buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self.filters)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.count)
        layout.addWidget(self.detail)
        layout.addLayout(self._buttons)
        self.setFocusProxy(self.search)
        self.ages = QTimer(self)
        self.ages.setInterval(AGES_MS)
        self.ages.timeout.connect(self.view.viewport().update)
        self.ages.start()
        state.assets_changed.connect(self.refresh)
        self._show((array("q"), []))

    def refresh(self) -> None:
        """Read the library again on another thread and update the list."""
        library = self._state.library
        if library is None:
            return
        query = self.filters.query(self.search.text())
        rows = self.view.visible_rows()
        near = slice(max(0, rows.start - _MARGIN), max(rows.stop, 1) + 2 * _MARGIN)
        current = self.model.numbers(self.view.selected_rows()[:1])

        def search() -> _Found:
            numbers = library.assets.numbers(query)
            read = dict.fromkeys([*numbers[near], *current])
            return numbers, library.assets.by_numbers(list(read))

        self._generation += 1
        generation = self._generation

        def show(found: _Found) -> None:
            # Searches may overlap and finish in any order.
            if generation == self._generation:
                self._show(found)

        self._state.background.read(self, search, show, self._state.problem.emit)
        if self.filters.popup.isVisible():
            self._load_filter_options()

    # ---- private

    def _show(self, found: _Found) -> None:
        numbers, known = found
        library = self._state.library
        fetch = (lambda _: []) if library is None else library.assets.by_numbers
        self.model.show(numbers, fetch, known)
        self.commands.choose_after_deleting()
        everything = self.filters.query(self.search.text()).matches_all
        self._empty.setVisible(not numbers)
        self._empty.setText(
            self.tr("Your results appear here.") if everything else self.tr("No results found.")
        )
        count = self.locale().toString(len(numbers))
        template = self.tr("Results: {n}") if everything else self.tr("Found: {n}")
        self.count.set_text(" · ".join([template.format(n=count), *self.filters.chosen()]))
        self._show_detail()

    def _filter(self) -> None:
        self.view.scrollToTop()
        self.refresh()

    def _load_filter_options(self) -> None:
        """Fill the filter boxes with the values that occur in the library."""
        library = self._state.library
        if library is None:
            return

        def read(library: Library = library) -> tuple[Facets, list[tuple[str, int]]]:
            return library.assets.facets(), library.marks.collections()

        self._state.background.read(
            self, read, lambda found: self.filters.set_options(*found), self._state.problem.emit
        )

    def _button(self, name: str) -> QWidget:
        action = self.commands.results[name]
        text = f"{action.text} ({action.keys})" if action.keys else action.text
        button = tool_button(action.icon, text, _BUTTONS[name], self)
        button.clicked.connect(lambda _checked=False: self.commands.do(name))
        self._buttons.addWidget(button)
        return button

    def _bind(self, keys: QKeySequence, act: Callable[[], object]) -> None:
        shortcut = QShortcut(keys, self.view)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(act)

    def _data_changed(self, first: QModelIndex, last: QModelIndex, roles: Sequence[int]) -> None:
        rows = self.view.selected_rows()
        if PICTURE_ROLE not in roles and len(rows) == 1 and first.row() <= rows[0] <= last.row():
            self._show_detail()

    def _show_detail(self, *_: object) -> None:
        count = self.view.selected_count()
        for button in self._actions:
            button.setEnabled(count > 0)
        if count > 1:
            self.detail.setPlainText(self.tr("{n} results are selected.").format(n=count))
            return
        asset = self.commands.current()
        if asset is None:
            self.detail.setPlainText(self.tr("Select a result to see how it was made."))
        else:
            self.detail.setHtml(detail_text(asset))

    def _activated(self, index: QModelIndex) -> None:
        self.view.setCurrentIndex(index)
        self.commands.do("use")

    def _more_button(self) -> QToolButton:
        button = tool_button("ellipsis", self.tr("More"), "history.more", self)
        menu = QMenu(button)

        def fill() -> None:
            menu.clear()
            fill_more(menu, self.commands)

        fill()
        menu.aboutToShow.connect(fill)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _menu(self, position: QPoint) -> None:
        index: QModelIndex = self.view.indexAt(position)
        library = self._state.library
        if not index.isValid() or library is None:
            return
        if not self.view.selectionModel().isSelected(index):
            self.view.setCurrentIndex(index)

        def open_at(collections: list[tuple[str, int]]) -> None:
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            fill_menu(menu, self.commands, self.commands.chosen(), collections)
            menu.popup(self.view.viewport().mapToGlobal(position))

        self._state.background.read(
            self, library.marks.collections, open_at, self._state.problem.emit
        )
