"""Connects the result panel to the library: context menu, deleted pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint

from studio.ui.workspaces.image.result_panel import ResultPanel

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.gallery.result_menu import Entry, ResultMenu
    from studio.ui.shell.state import AppState


class ResultLibrary(QObject):
    """Opens the context menu of a `ResultPanel`, and marks its deleted pictures."""

    def __init__(self, state: AppState, panel: ResultPanel) -> None:
        super().__init__(panel)
        self._state = state
        self._panel = panel
        self._menu: ResultMenu | None = None
        panel.menu_requested.connect(self._open_menu)
        state.assets_changed.connect(self._check_deleted)

    def _open_menu(self, asset: str, at: QPoint) -> None:
        panel, path = self._panel, self._panel.path()
        entries: list[Entry] = [
            (
                "image-upscale",
                self.tr("Enlarge ×4"),
                "enlarge",
                lambda: panel.enlarge_requested.emit(path),
                True,
            ),
            (
                "image",
                self.tr("Start from this"),
                "start_from",
                lambda: panel.start_from_requested.emit(path),
                panel.start_supported,
            ),
        ]
        if self._menu is None:
            from studio.ui.gallery.result_menu import ResultMenu

            self._menu = ResultMenu(self._state, panel)
        self._menu.open(asset, at, entries)

    def _check_deleted(self) -> None:
        """Check whether the current picture was deleted, and whether deleted ones were restored."""
        library = self._state.library
        ids = self._panel.model.deleted_assets()
        current = self._panel.current()
        if current is not None and current.asset and current.asset not in ids:
            ids.append(current.asset)
        if library is None or not ids:
            return
        from studio.ui.gallery.result_menu import find_result

        self._state.background.read(
            self,
            lambda: [find_result(library, asset_id) for asset_id in ids],
            lambda found: self._update_rows(ids, found),
            self._state.problem.emit,
        )

    def _update_rows(self, ids: Sequence[str], found: Sequence[Asset | None]) -> None:
        for asset_id, asset in zip(ids, found, strict=True):
            row = self._panel.model.row_of(asset_id)
            shown = self._panel.model.at(row)
            if shown is None:
                continue
            if asset is None and shown.state == "done":
                self._panel.update_row(row, "deleted", asset=asset_id)
            elif asset is not None and shown.state == "deleted":
                self._panel.update_row(row, "done", str(asset.path), asset=asset_id)
