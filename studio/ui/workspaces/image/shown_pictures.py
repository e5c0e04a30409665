"""The menu of the pictures on show, and whether they are still in the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint

from studio.ui.workspaces.image.result_panel import ResultPanel

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.gallery.result_menu import Entry, ResultMenu
    from studio.ui.shell.state import AppState


class ShownPictures(QObject):
    """Serves a `ResultPanel`."""

    def __init__(self, state: AppState, panel: ResultPanel) -> None:
        super().__init__(panel)
        self._state = state
        self._panel = panel
        self._menu: ResultMenu | None = None
        panel.menu_wanted.connect(self._open_menu)
        state.assets_changed.connect(self._check_deleted)

    def _open_menu(self, asset: str, at: QPoint) -> None:
        panel, path = self._panel, self._panel.path()
        more: list[Entry] = [
            (
                "image-upscale",
                self.tr("Enlarge ×4"),
                "enlarge",
                lambda: panel.enlarge_wanted.emit(path),
                True,
            ),
            (
                "image",
                self.tr("Start from this"),
                "start_from",
                lambda: panel.start_from_wanted.emit(path),
                panel.start_usable,
            ),
        ]
        if self._menu is None:
            from studio.ui.gallery.result_menu import ResultMenu

            self._menu = ResultMenu(self._state, panel)
        self._menu.open(asset, at, more)

    def _check_deleted(self) -> None:
        """See whether the picture on show was deleted, and whether deleted ones are back."""
        library = self._state.library
        ids = self._panel.model.gone()
        current = self._panel.current()
        if current is not None and current.asset and current.asset not in ids:
            ids.append(current.asset)
        if library is None or not ids:
            return
        from studio.ui.gallery.result_menu import kept

        self._state.background.read(
            self,
            lambda: [kept(library, name) for name in ids],
            lambda found: self._update_rows(ids, found),
            self._state.problem.emit,
        )

    def _update_rows(self, ids: Sequence[str], found: Sequence[Asset | None]) -> None:
        for name, asset in zip(ids, found, strict=True):
            row = self._panel.model.row_of(name)
            shown = self._panel.model.at(row)
            if shown is None:
                continue
            if asset is None and shown.state == "done":
                self._panel.update_row(row, "gone", asset=name)
            elif asset is not None and shown.state == "gone":
                self._panel.update_row(row, "done", str(asset.path), asset=name)
