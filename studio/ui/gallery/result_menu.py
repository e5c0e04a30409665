"""The menu of one result where it is on show, outside of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from studio.library.records import Asset
from studio.library.store import Library
from studio.ui.gallery.result_actions import ResultActions
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon

Entry = tuple[str, str, str, Callable[[], object], bool]
"""Icon, text, the end of the object name, what it does, whether it can be chosen now."""

_GROUPS = (("copy", "export", "star"), ("open", "folder"), ("delete",))


def kept(library: Library, name: str) -> Asset | None:
    """Return a result by its id, None where it is not there or in the trash."""
    asset = library.assets.get(name)
    return None if asset is None or library.trash.holds(asset.path) else asset


class ResultMenu(QObject):
    """Looks the result up, since its star may have changed, and opens the menu (`result.menu`)."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._widget = parent
        self.results = ResultActions(state, parent, self)

    def open(self, asset: str, at: QPoint, more: Sequence[Entry] = ()) -> None:
        """Open the menu of the result with this id at a point of the screen.

        `more` are entries below the first group.
        """
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
        groups: list[Sequence[Entry]] = [
            [self._entry(name, one) for name in names] for names in _GROUPS
        ]
        groups.insert(1, more)
        for entries in filter(None, groups):
            if not menu.isEmpty():
                menu.addSeparator()
            for picture, text, name, act, enabled in entries:
                action = menu.addAction(icon(picture), text, act)
                action.setObjectName(f"result.menu.{name}")
                action.setEnabled(enabled)
        menu.popup(at)

    def _entry(self, name: str, one: list[Asset]) -> Entry:
        action = self.results[name]
        act = partial(self.results.do, name, one)
        return action.icon, action.text_for(one), name, act, action.is_enabled(one)
