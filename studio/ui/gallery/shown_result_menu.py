"""The menu of the result that a tab shows; it is made when it is opened first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget

from studio.ui.shell.state import AppState

if TYPE_CHECKING:
    from studio.ui.gallery.result_menu import ResultMenu


class ShownResultMenu:
    """`parent` is the tab."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        self._state = state
        self._parent = parent
        self._menu: ResultMenu | None = None

    def open(self, asset_id: str, at: QPoint) -> None:
        """Open the menu of a result at a place on the screen."""
        if self._menu is None:
            from studio.ui.gallery.result_menu import ResultMenu

            self._menu = ResultMenu(self._state, self._parent)
        self._menu.open(asset_id, at)
