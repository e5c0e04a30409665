"""Connects the result panel to the library: recipe, menu, comparing, deleted pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal

from studio.ui.workspaces.image.result_panel import ResultPanel

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.gallery.result_menu import Entry, ResultMenu
    from studio.ui.shell.state import AppState


class ResultLibrary(QObject):
    """Reads results by their ids on another thread."""

    seed_chosen = Signal(object)
    """The seed of the current picture."""

    def __init__(self, state: AppState, panel: ResultPanel) -> None:
        super().__init__(panel)
        self._state = state
        self._panel = panel
        self._menu: ResultMenu | None = None
        self._asset: Asset | None = None
        panel.menu_requested.connect(self._open_menu)
        panel.shown.connect(self._show_recipe)
        panel.compare_requested.connect(lambda ids: self._do("compare", ids))
        panel.delete_requested.connect(lambda id: self._do("delete", [id]))
        panel.recipe.use_requested.connect(self._use)
        panel.recipe.seed_requested.connect(self._use_seed)
        state.assets_changed.connect(self._check_deleted)

    def _read(self, ids: Sequence[str], then: Callable[[Sequence[Asset | None]], object]) -> None:
        library = self._state.library
        if library is None:
            return
        from studio.ui.gallery.result_menu import find_result

        self._state.background.read(
            self,
            lambda: [find_result(library, each) for each in ids],
            then,
            self._state.problem.emit,
        )

    # ---- the recipe

    def _show_recipe(self, id: str) -> None:
        if self._asset is not None and self._asset.id == id:
            return
        self._asset = None
        if not id:
            self._panel.recipe.show_rows(())
            return
        self._read([id], lambda found: self._show_rows(found[0]))

    def _show_rows(self, asset: Asset | None) -> None:
        current = self._panel.current()
        if asset is None or current is None or current.asset != asset.id:
            return
        from studio.ui.gallery.detail_text import detail_rows

        self._asset = asset
        self._panel.recipe.show_rows(detail_rows(asset), asset.path)

    def _use(self) -> None:
        if self._asset is not None:
            self._state.destinations.restore(self._asset)

    def _use_seed(self) -> None:
        if self._asset is not None:
            self.seed_chosen.emit(self._asset.recipe.seed)

    # ---- actions

    def _results(self) -> ResultMenu:
        if self._menu is None:
            from studio.ui.gallery.result_menu import ResultMenu

            self._menu = ResultMenu(self._state, self._panel)
        return self._menu

    def _do(self, name: str, ids: Sequence[str]) -> None:
        """Run an action of History on results."""

        def run(found: Sequence[Asset | None]) -> None:
            assets = [asset for asset in found if asset is not None]
            self._results().results.do(name, assets)

        if ids:
            self._read(ids, run)

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
                self.tr("Use as start picture"),
                "start_from",
                lambda: panel.start_from_requested.emit(path),
                panel.start_supported,
            ),
        ]
        self._results().open(asset, at, entries)

    # ---- deleted pictures

    def _check_deleted(self) -> None:
        """Check whether the current picture was deleted, and whether deleted ones were restored."""
        ids = self._panel.model.deleted_assets()
        current = self._panel.current()
        if current is not None and current.asset and current.asset not in ids:
            ids.append(current.asset)
        if ids:
            self._read(ids, lambda found: self._update_rows(ids, found))

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
