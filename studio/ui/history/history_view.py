"""The history dock: recent results, filters, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.library.records import Asset
from studio.ui.history.actions import HistoryActions
from studio.ui.history.detail_text import detail_text
from studio.ui.history.filters import Filters
from studio.ui.history.history_menu import fill_menu, fill_more
from studio.ui.history.history_model import HistoryModel
from studio.ui.history.rows import ROW_SIDE, AssetRows
from studio.ui.state import AppState
from studio.ui.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.icons import icon

PAGE = 200


class HistoryView(QWidget):
    """Object names: `history.view`, `history.search`, `history.detail`, `history.delete`, …"""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._limit = PAGE
        self._row_to_choose: int | None = None
        self.acts = HistoryActions(state, self)
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
        self.filters.row.addWidget(self._more_button())
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.model = HistoryModel(state.background, self._more, self)
        self.view = QListView(self)
        self.view.setObjectName("history.view")
        self.view.setAccessibleName(self.tr("Recent results"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(AssetRows(ROW_SIDE, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.activated.connect(self._activated)
        self.view.selectionModel().currentChanged.connect(self._show_detail)
        self.view.selectionModel().selectionChanged.connect(self._show_detail)
        self.model.dataChanged.connect(self._show_detail)
        self._empty = QLabel(self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        mute(self._empty)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        self.detail = QTextBrowser(self)
        self.detail.setObjectName("history.detail")
        self.detail.setAccessibleName(self.tr("About the chosen result"))
        self.detail.setOpenLinks(False)
        self.detail.setTabChangesFocus(True)
        self.detail.setFixedHeight(17 * GRID)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID // 2)
        self._actions = [
            self._action("sliders-horizontal", self.tr("Use these settings"), self.use),
            self._action("external-link", self.tr("Open"), self.open),
            self._action("folder-open", self.tr("Open folder"), self.open_folder),
            self._action("copy", self.tr("Copy"), self.copy),
            self._action("star", self.tr("Star (S)"), self.star, "history.star"),
            self._action("tag", self.tr("Tags… (T)"), self.edit_tags, "history.tags.open"),
            self._action("trash-2", self.tr("Delete (Del)"), self.delete, "history.delete"),
        ]
        for keys, act in (
            (QKeySequence(Qt.Key.Key_Delete), self.delete),
            (QKeySequence(Qt.Key.Key_S), self.star),
            (QKeySequence(Qt.Key.Key_T), self.edit_tags),
            (QKeySequence(Qt.Key.Key_C), self.compare),
            (QKeySequence(QKeySequence.StandardKey.Copy), self.copy),
            (QKeySequence(QKeySequence.StandardKey.Undo), self.acts.undo),
        ):
            shortcut = QShortcut(keys, self.view)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)
        self._buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self.filters)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.detail)
        layout.addLayout(self._buttons)
        self.setFocusProxy(self.search)
        state.assets_changed.connect(self.refresh)
        self._show([], False)

    def refresh(self) -> None:
        """Look at the library again, on another thread."""
        library = self._state.library
        if library is None:
            return
        limit = self._limit
        wanted = self.filters.wanted(self.search.text())
        self._state.background.read(
            self,
            lambda: wanted.look(library, limit),
            lambda assets: self._show(assets, len(assets) >= limit),
            self._state.problem.emit,
        )

    def chosen(self) -> list[Asset]:
        """Return the selected results, in the order of the list."""
        rows = sorted(self.view.selectedIndexes(), key=lambda index: index.row())
        return [asset for index in rows if (asset := self.model.asset(index)) is not None]

    # ---- what can be done

    def use(self) -> None:
        """Restore the current result's settings."""
        asset = self._current()
        if asset is not None:
            self._state.restore_wanted.emit(asset)

    def open(self) -> None:
        """Open the current result with the system's program for it."""
        asset = self._current()
        if asset is not None:
            self.acts.open(asset)

    def open_folder(self) -> None:
        """Show the folder of the current result."""
        asset = self._current()
        if asset is not None:
            self.acts.open_folder(asset)

    def copy(self) -> None:
        """Copy the selected texts, or the picture."""
        self.acts.copy(self.chosen())

    def star(self) -> None:
        """Star what is selected, or take the stars away."""
        self.acts.toggle_star(self.chosen())

    def delete(self) -> None:
        """Move what is selected to the trash."""
        rows = [index.row() for index in self.view.selectedIndexes()]
        self._row_to_choose = min(rows, default=None)
        self.acts.delete(self.chosen())

    def edit_tags(self) -> None:
        """Ask for the tags of what is selected."""
        from studio.ui.history.tags_dialog import TagsDialog

        chosen = self.chosen()
        if chosen:
            dialog = TagsDialog(chosen, self.window())
            dialog.kept.connect(lambda before, after: self.acts.retag(chosen, before, after))
            _show(dialog)

    def export(self) -> None:
        """Ask for a folder and copy what is selected into it."""
        from pathlib import Path

        chosen = self.chosen()
        folder = chosen and QFileDialog.getExistingDirectory(
            self, self.tr("A folder for the copies")
        )
        if folder:
            self.acts.export_to(chosen, Path(folder))

    def send_to_image(self) -> None:
        """Start from the current picture in the Image tab."""
        asset = self._current()
        if asset is not None and asset.task != "text":
            self.acts.send_to_image(asset)

    def send_to_upscale(self) -> None:
        """Put the selected pictures into the Upscale tab's list."""
        self.acts.send_to_upscale([asset for asset in self.chosen() if asset.task != "text"])

    def compare(self) -> None:
        """Show two to four selected pictures side by side."""
        pictures = [asset for asset in self.chosen() if asset.task != "text"]
        if not 2 <= len(pictures) <= 4:
            self._state.show_message(
                self.tr("Select two to four pictures in History to compare them."), "info"
            )
            return
        from studio.ui.compare.compare_dialog import CompareDialog

        _show(CompareDialog(pictures, self.window()))

    def cull(self) -> None:
        """Go through the selected pictures, or all that are listed, one by one."""
        chosen = self.chosen()
        listed = chosen if len(chosen) > 1 else self.model.assets()
        pictures = [asset for asset in listed if asset.task != "text"]
        if not pictures:
            self._state.show_message(self.tr("There are no pictures in this list."), "info")
            return
        from studio.ui.cull.cull_dialog import CullDialog

        start = pictures.index(chosen[0]) if len(chosen) == 1 and chosen[0] in pictures else 0
        _show(CullDialog(self._state, pictures, self.window(), start=start))

    def open_trash(self) -> None:
        """Show what was deleted."""
        from studio.ui.history.trash_dialog import TrashDialog

        _show(TrashDialog(self._state, self.window()))

    # ---- inside

    def _show(self, assets: list[Asset], has_more: bool) -> None:
        self.model.set_assets(assets, has_more)
        if self._row_to_choose is not None and not self.view.selectedIndexes():
            # Where something was deleted, the keyboard goes on with what follows it.
            row = min(self._row_to_choose, len(assets) - 1)
            self.view.setCurrentIndex(self.model.index(row))
            self._row_to_choose = None
        self._empty.setVisible(not assets)
        self._empty.setText(
            self.tr("Nothing was found.")
            if not self.filters.wanted(self.search.text()).is_everything
            else self.tr("What you make appears here.")
        )
        self._show_detail()

    def _filter(self) -> None:
        self._limit = PAGE
        self.refresh()

    def _more(self) -> None:
        self._limit += PAGE
        self.refresh()

    def _current(self) -> Asset | None:
        return self.model.asset(self.view.currentIndex())

    def _action(self, picture: str, text: str, act: Callable[[], None], name: str = "") -> QWidget:
        button = tool_button(picture, text, name, self)
        button.clicked.connect(lambda _checked=False: act())
        self._buttons.addWidget(button)
        return button

    def _show_detail(self, *_: object) -> None:
        chosen = self.chosen()
        asset = self._current()
        for button in self._actions:
            button.setEnabled(bool(chosen))
        if len(chosen) > 1:
            self.detail.setPlainText(self.tr("{n} results are selected.").format(n=len(chosen)))
        elif asset is None:
            self.detail.setPlainText(self.tr("Choose a result to see how it was made."))
        else:
            self.detail.setHtml(detail_text(asset))

    def _activated(self, index: QModelIndex) -> None:
        self.view.setCurrentIndex(index)
        self.use()

    def _more_button(self) -> QToolButton:
        button = tool_button("ellipsis", self.tr("More"), "history.more", self)
        menu = QMenu(button)
        fill_more(menu, self)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _menu(self, place: QPoint) -> None:
        index: QModelIndex = self.view.indexAt(place)
        if not index.isValid():
            return
        if not self.view.selectionModel().isSelected(index):
            self.view.setCurrentIndex(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self, self.chosen())
        menu.popup(self.view.viewport().mapToGlobal(place))


def _show(dialog: QWidget) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
