"""The menu of one result where it is on show, outside of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from studio.library.folder.trash import FOLDER
from studio.library.records import Asset
from studio.library.store import Library
from studio.ui.gallery.actions import HistoryActions
from studio.ui.shell.state import AppState
from studio.ui.widgets.icons import icon

Entry = tuple[str, str, str, Callable[[], object], bool]
"""Icon, text, the end of the object name, what it does, whether it can be chosen now."""


def kept(library: Library, name: str) -> Asset | None:
    """Return a result by its id, None where it is not there or in the trash."""
    asset = library.asset(name)
    return None if asset is None or asset.path.parent == library.root / FOLDER else asset


class ResultMenu(QObject):
    """Looks the result up, since its star may have changed, and opens the menu (`result.menu`)."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._widget = parent
        self.actions = HistoryActions(state, self)

    def open(self, asset: str, at: QPoint, more: Sequence[Entry] = ()) -> None:
        """Open the menu of the result with this id at a point of the screen."""
        library = self._state.library
        if library is not None:
            self._state.background.read(
                self,
                lambda: kept(library, asset),
                lambda found: self._open(found, at, more),
                self._state.problem.emit,
            )

    def _open(self, asset: Asset | None, at: QPoint, more: Sequence[Entry]) -> None:
        if asset is None:
            self._state.show_message(self.tr("This picture is not in the library now."), "info")
            return
        menu = QMenu(self._widget)
        menu.setObjectName("result.menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        one = [asset]
        actions = self.actions
        star = self.tr("Take the star away") if asset.starred else self.tr("Star")
        self._add(menu, "copy", self.tr("Copy"), "copy", partial(actions.copy, one))
        self._add(menu, "download", self.tr("Export…"), "export", partial(self._export, asset))
        self._add(menu, "star", star, "star", partial(actions.toggle_star, one))
        if more:
            menu.addSeparator()
            for picture, text, name, act, enabled in more:
                self._add(menu, picture, text, name, act, enabled)
        menu.addSeparator()
        self._add(menu, "external-link", self.tr("Open"), "open", partial(actions.open, asset))
        self._add(
            menu,
            "folder-open",
            self.tr("Open folder"),
            "folder",
            partial(actions.open_folder, asset),
        )
        menu.addSeparator()
        self._add(menu, "trash-2", self.tr("Delete"), "delete", partial(actions.delete, one))
        menu.popup(at)

    def _add(
        self,
        menu: QMenu,
        picture: str,
        text: str,
        name: str,
        act: Callable[[], object],
        enabled: bool = True,
    ) -> None:
        action = menu.addAction(icon(picture), text, act)
        action.setObjectName(f"result.menu.{name}")
        action.setEnabled(enabled)

    def _export(self, asset: Asset) -> None:
        folder = QFileDialog.getExistingDirectory(
            self._widget.window(), self.tr("A folder for the copies")
        )
        if folder:
            self.actions.export_to([asset], Path(folder))
