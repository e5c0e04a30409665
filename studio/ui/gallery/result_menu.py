"""The context menu of a result that is shown outside of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from studio.library.records import Asset
from studio.ui.gallery.result_actions import ResultActions
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon

if TYPE_CHECKING:
    from studio.library.store import Library

Entry = tuple[str, str, str, Callable[[], object], bool]
"""Icon, text, last part of the object name, action, whether it is enabled."""

_GROUPS = (("copy", "export", "star"), ("open", "folder"), ("delete",))


def find_result(library: Library, asset_id: str) -> Asset | None:
    """Return a result by its id, None if it does not exist or is in the trash."""
    asset = library.assets.get(asset_id)
    return None if asset is None or library.trash.contains(asset.path) else asset


class ResultMenu(QObject):
    """Reads the result again, since its star may have changed. Object name: `result.menu`."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._widget = parent
        self.results = ResultActions(state, parent, self)

    def open(self, asset: str, at: QPoint, more: Sequence[Entry] = ()) -> None:
        """Open the menu of the result with this id at a screen position.

        `more` are additional entries below the first group.
        """
        library = self._state.library
        if library is not None:
            self._state.background.read(
                self,
                lambda: find_result(library, asset),
                lambda found: self._open(found, at, more),
                self._state.problem.emit,
            )

    def _open(self, asset: Asset | None, at: QPoint, more: Sequence[Entry]) -> None:
        if asset is None:
            self._state.show_message(self.tr("This picture is no longer in the library."), "info")
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
            for icon_name, text, name, act, enabled in entries:
                action = menu.addAction(icon(icon_name), text, act)
                action.setObjectName(f"result.menu.{name}")
                action.setEnabled(enabled)
        menu.popup(at)

    def _entry(self, name: str, one: list[Asset]) -> Entry:
        action = self.results[name]
        act = partial(self.results.do, name, one)
        return action.icon, action.text_for(one), name, act, action.is_enabled(one)
