"""The library in the window: results as a grid or a list, with filters, details and actions."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from studio.ui.gallery.asset_delegate import ROW_SIDE, AssetDelegate
from studio.ui.gallery.detail_text import detail_text
from studio.ui.gallery.filters import Filters
from studio.ui.gallery.history_commands import HistoryCommands
from studio.ui.gallery.history_menu import fill_menu, more_button
from studio.ui.gallery.history_model import PICTURE_ROLE, HistoryModel
from studio.ui.gallery.outgoing_files import outgoing_files
from studio.ui.gallery.result_list import ResultList
from studio.ui.gallery.view_choice import ViewChoice
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.plain_text import plain_label

if TYPE_CHECKING:
    from studio.library.index.facets import Facets
    from studio.library.records import Asset
    from studio.library.store import Library
    from studio.ui.gallery.grid.large_preview import LargePreview
    from studio.ui.gallery.grid.preview import ResultPreview
    from studio.ui.gallery.grid.thumbnail_grid import ThumbnailGrid
    from studio.ui.gallery.sheet_shelf import SheetShelf

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
"""The actions with a button below the details, with its object name."""


class HistoryView(QWidget):
    """Narrow at the side of the window, or wide on a page of its own, with a preview.

    Object names: `history.view`, `history.grid`, `history.search`, `history.detail`,
    `history.delete`, …
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._generation = 0
        self._is_wide = False
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
        self.model.outgoing = partial(outgoing_files, state)
        self.view = ResultList(self.model, self)
        self.view.setObjectName("history.view")
        self.view.setAccessibleName(self.tr("Recent results"))
        self.view.setItemDelegate(AssetDelegate(ROW_SIDE, self.view))
        self.view.update_row_height()
        self.view.setMinimumHeight(ROW_SIDE + GRID)
        self.grid: ThumbnailGrid | None = None
        self._preview: ResultPreview | None = None
        self._shelf: SheetShelf | None = None
        self.large_preview: LargePreview | None = None
        self.commands = HistoryCommands(state, self.model, self.view, self.filters, self)
        self.filters.row.addWidget(more_button(self.commands, self))
        self._empty: list[QLabel] = []
        self._set_up(self.view)
        self.view.selectionModel().currentChanged.connect(self._show_detail)
        self.view.selectionModel().selectionChanged.connect(self._show_detail)
        self.model.dataChanged.connect(self._data_changed)
        self.count = ElidedLabel(parent=self)
        self.count.setObjectName("history.count")
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.choice = ViewChoice(self)
        self.choice.grid_chosen.connect(self._choose_grid)
        self.choice.tile_changed.connect(self._resize_tiles)
        self.detail = QTextBrowser(self)
        self.detail.setObjectName("history.detail")
        self.detail.setAccessibleName(self.tr("Details of the selected result"))
        self.detail.setOpenLinks(False)
        self.detail.setTabChangesFocus(True)
        self.detail.setMinimumHeight(5 * GRID)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID // 2)
        self._actions = [self._button(name) for name in _BUTTONS]
        self._buttons.addStretch(1)
        self._lay_out()
        self.setFocusProxy(self.search)
        self.ages = QTimer(self)
        self.ages.setInterval(AGES_MS)
        self.ages.timeout.connect(self.view.viewport().update)
        self.ages.start()
        state.assets_changed.connect(self.refresh)
        self.set_wide(False)
        self._show((array("q"), []))

    @property
    def is_wide(self) -> bool:
        """Whether the library has a page of its own."""
        return self._is_wide

    @property
    def shown_view(self) -> ResultList | ThumbnailGrid:
        """The view that is shown: the grid or the list."""
        return self.grid if self.grid is not None and self.choice.is_grid else self.view

    def set_wide(self, is_wide: bool) -> None:
        """Use the width of a page: a row of filters, and a preview beside the results."""
        self._is_wide = is_wide
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._top.setDirection(across if is_wide else down)
        self._body.setDirection(across if is_wide else down)
        self._body.setSpacing(2 * GRID if is_wide else GRID)
        side = 2 * GRID if is_wide else GRID
        self._outer.setContentsMargins(side, side if is_wide else GRID // 2, side, side)
        self.filters.setMaximumWidth(45 * GRID if is_wide else 16_777_215)
        self.detail.setMaximumHeight(24 * GRID if is_wide else 17 * GRID)
        if is_wide and self._preview is None:
            self._preview = self._make_preview()
            self._shelf = self._make_shelf()
        if self._preview is not None:
            self._preview.setVisible(is_wide)
        self._body.setStretchFactor(self._side, 2 if is_wide else 0)
        window = self._state.settings.window
        if self.grid is not None:
            self.grid.set_tile(self._tile())
        self._show_shelf()
        self._show_grid(not window.page_as_list if is_wide else window.side_as_grid)
        self._show_detail()

    def refresh(self) -> None:
        """Read the library again on another thread and update the list."""
        library = self._state.library
        if library is None:
            return
        query = self.filters.query(self.search.text())
        rows = self.shown_view.visible_rows()
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

    def _lay_out(self) -> None:
        self._top = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._top.setSpacing(GRID)
        self._top.addWidget(self.search, 1)
        self._top.addWidget(self.filters)
        line = QHBoxLayout()
        line.setSpacing(GRID // 2)
        line.addWidget(self.count, 1)
        line.addWidget(self.choice)
        self._side = QWidget(self)
        self._side_layout = QVBoxLayout(self._side)
        self._side_layout.setContentsMargins(0, 0, 0, 0)
        self._side_layout.setSpacing(GRID)
        self._side_layout.addWidget(self.detail)
        self._side_layout.addLayout(self._buttons)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.addWidget(self.view, 3)
        self._body.addWidget(self._side)
        self._outer = QVBoxLayout(self)
        self._outer.setSpacing(GRID)
        self._outer.addLayout(self._top)
        self._outer.addLayout(line)
        self._outer.addLayout(self._body, 1)

    def _set_up(self, view: QAbstractItemView) -> None:
        """Connect a view of the results to the menu, the keys and the preview."""
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(partial(self._menu, view))
        view.activated.connect(self._activated)
        for action in self.commands.results:
            if action.keys:
                act = partial(self.commands.do, action.name)
                self._bind(QKeySequence(action.keys), act, view)
        undo = QKeySequence(QKeySequence.StandardKey.Undo)
        self._bind(undo, self.commands.results.operations.undo, view)
        empty = plain_label(parent=view)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setWordWrap(True)
        mute(empty)
        QVBoxLayout(view).addWidget(empty)
        self._empty.append(empty)

    def _make_grid(self) -> ThumbnailGrid:
        from studio.ui.gallery.grid.thumbnail_grid import ThumbnailGrid

        grid = ThumbnailGrid(self.model, self)
        grid.setSelectionModel(self.view.selectionModel())
        grid.set_tile(self._tile())
        grid.tile_changed.connect(self._tile_changed)
        self._state.closing.connect(grid.pictures.stop)
        self._set_up(grid)
        self._empty[-1].setText(self._empty[0].text())
        self._empty[-1].setVisible(self.model.rowCount() == 0)
        self._body.insertWidget(1, grid, 3)
        self.choice.show_tile(grid.tile)
        return grid

    def _make_preview(self) -> ResultPreview:
        from studio.ui.gallery.grid.preview import ResultPreview

        preview = ResultPreview(self)
        self._state.closing.connect(preview.stop)
        self._side_layout.insertWidget(0, preview, 1)
        return preview

    def _make_shelf(self) -> SheetShelf:
        from studio.ui.gallery.sheet_shelf import SheetShelf

        shelf = SheetShelf(self._state, self)
        self._outer.insertWidget(1, shelf)
        return shelf

    def _show_shelf(self) -> None:
        if self._shelf is not None:
            everything = self.filters.query(self.search.text()).matches_all
            self._shelf.set_wanted(self._is_wide and everything)

    def _show_grid(self, is_grid: bool) -> None:
        if is_grid and self.grid is None:
            self.grid = self._make_grid()
        had_focus = self.shown_view.hasFocus()
        self.choice.show_choice(is_grid)
        self.view.setVisible(not is_grid)
        if self.grid is not None:
            self.grid.setVisible(is_grid)
        if had_focus:
            self.shown_view.setFocus()

    def _choose_grid(self, is_grid: bool) -> None:
        window = self._state.settings.window
        if self._is_wide:
            window.page_as_list = not is_grid
        else:
            window.side_as_grid = is_grid
        self._state.save_soon()
        self._show_grid(is_grid)
        # The view that was hidden is laid out first, so that the place is right.
        QTimer.singleShot(0, self, self._show_current)

    def _show_current(self) -> None:
        self.shown_view.scrollTo(self.view.currentIndex())

    def _resize_tiles(self, tile: int) -> None:
        if self.grid is not None:
            self.grid.set_tile(tile)

    def _tile_changed(self, tile: int) -> None:
        self.choice.show_tile(tile)
        window = self._state.settings.window
        if self._is_wide:
            window.tile = tile
        else:
            window.side_tile = tile
        self._state.save_soon()

    def _tile(self) -> int:
        """Return the width of the tiles that was chosen for this place."""
        window = self._state.settings.window
        return window.tile if self._is_wide else window.side_tile

    def _show(self, found: _Found) -> None:
        numbers, known = found
        library = self._state.library
        fetch = (lambda _: []) if library is None else library.assets.by_numbers
        self.model.show(numbers, fetch, known)
        self.commands.choose_after_deleting()
        everything = self.filters.query(self.search.text()).matches_all
        self._show_shelf()
        nothing = self.tr("Your results appear here.")
        for empty in self._empty:
            empty.setVisible(not numbers)
            empty.setText(nothing if everything else self.tr("No results found."))
        count = self.locale().toString(len(numbers))
        template = self.tr("Results: {n}") if everything else self.tr("Found: {n}")
        self.count.set_text(" · ".join([template.format(n=count), *self.filters.chosen()]))
        self._show_detail()

    def _filter(self) -> None:
        self.shown_view.scrollToTop()
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

    def _bind(self, keys: QKeySequence, act: Callable[[], object], view: QWidget) -> None:
        shortcut = QShortcut(keys, view)
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
        asset = self.commands.current()
        if self._preview is not None and self._is_wide:
            self._preview.show_asset(asset)
        self._show_large(asset)
        if count > 1:
            self.detail.setPlainText(
                self.tr("{n} results are selected.").format(n=self.locale().toString(count))
            )
        elif asset is None:
            self.detail.setPlainText(self.tr("Select a result to see how it was made."))
        else:
            self.detail.setHtml(detail_text(asset))

    # ---- the large preview

    def _activated(self, index: QModelIndex) -> None:
        """Show a result over the whole window."""
        from studio.ui.gallery.grid.large_preview import LargePreview

        if not index.isValid() or self.large_preview is not None:
            return
        self.view.setCurrentIndex(index)
        large = LargePreview(self.window(), self._step, self._act_on_key)
        self.large_preview = large
        self._state.closing.connect(large.close)
        large.destroyed.connect(self._large_closed)
        self._show_large(self.commands.current())

    def _large_closed(self) -> None:
        self.large_preview = None

    def _show_large(self, asset: Asset | None) -> None:
        large, row = self.large_preview, self.view.currentIndex().row()
        if large is None:
            return
        if row < 0:
            large.close()
        else:
            large.show_asset(asset, row, self.model.rowCount())

    def _step(self, by: int) -> None:
        row = self.view.currentIndex().row() + by
        if 0 <= row < self.model.rowCount():
            index = self.model.index(row)
            self.view.setCurrentIndex(index)
            self.shown_view.scrollTo(index)

    def _act_on_key(self, keys: str) -> bool:
        """Run the action of a key on the current result; return whether there is one."""
        for action in self.commands.results:
            if action.keys == keys:
                self.commands.do(action.name)
                if self.large_preview is not None and action.leaves_library:
                    self.large_preview.close()
                return True
        return False

    def _menu(self, view: QAbstractItemView, position: QPoint) -> None:
        index: QModelIndex = view.indexAt(position)
        library = self._state.library
        if not index.isValid() or library is None:
            return
        if not self.view.selectionModel().isSelected(index):
            self.view.setCurrentIndex(index)

        def open_at(collections: list[tuple[str, int]]) -> None:
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            fill_menu(menu, self.commands, self.commands.chosen(), collections)
            menu.popup(view.viewport().mapToGlobal(position))

        self._state.background.read(
            self, library.marks.collections, open_at, self._state.problem.emit
        )
