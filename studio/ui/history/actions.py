"""What can be done with results: the library's part of it, off the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage

from studio.library.records import Asset
from studio.ui.state import AppState


class HistoryActions(QObject):
    """Acts on the results it is given; says in the message bar what came of it."""

    deleted = Signal(object)
    """The ids of results that are in the trash now."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._last_deleted: list[str] = []

    # ---- the trash

    def delete(self, assets: Sequence[Asset]) -> None:
        """Move results to the trash and offer the way back."""
        ids = [asset.id for asset in assets]
        if ids:
            self._state.change_assets(self, lambda library: library.trash(ids), self._deleted)

    def undo(self) -> None:
        """Bring back what was deleted last."""
        ids, self._last_deleted = self._last_deleted, []
        if ids:
            self.restore(ids)

    def restore(self, ids: Sequence[str], then: Callable[[object], object] | None = None) -> None:
        """Bring results back from the trash."""
        self._state.change_assets(self, lambda library: library.restore(ids), then)

    def _deleted(self, ids: list[str]) -> None:
        if not ids:
            return
        self._last_deleted = ids
        text = (
            self.tr("The result is in the trash.")
            if len(ids) == 1
            else self.tr("{n} results are in the trash.").format(n=len(ids))
        )
        undo = partial(self._undo_these, ids)
        self._state.show_message(text, "info", self.tr("Undo"), undo)
        self.deleted.emit(ids)

    def _undo_these(self, ids: list[str]) -> None:
        if self._last_deleted == ids:
            self._last_deleted = []
        self.restore(ids)

    # ---- marks

    def toggle_star(self, assets: Sequence[Asset]) -> None:
        """Star all of them, or take the stars away where all have one."""
        starred = not all(asset.starred for asset in assets)
        ids = [asset.id for asset in assets if asset.starred != starred]
        self._state.change_assets(
            self, lambda library: [library.set_starred(name, starred) for name in ids]
        )

    def retag(self, assets: Sequence[Asset], before: Sequence[str], after: Sequence[str]) -> None:
        """Replace the tags that results share; what each has of its own stays."""
        gone = set(before) - set(after)

        def tags(asset: Asset) -> list[str]:
            return [*(tag for tag in asset.tags if tag not in gone), *after]

        self._state.change_assets(
            self, lambda library: [library.set_tags(a.id, tags(a)) for a in assets]
        )

    # ---- elsewhere

    def export_to(self, assets: Sequence[Asset], folder: Path) -> None:
        """Copy results with a table of their recipes into a folder."""
        from studio.library.export import export

        def say(copies: list[Path]) -> None:
            self._state.show_message(
                (
                    self.tr("The copy and its recipe are in {folder}.").format(folder=folder)
                    if len(copies) == 1
                    else self.tr("{n} files and their recipes are in {folder}.").format(
                        n=len(copies), folder=folder
                    )
                ),
                "success",
                self.tr("Open folder"),
                lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))),
            )

        self._state.background.long(
            self, lambda: export(assets, folder), say, self._state.problem.emit
        )

    def open(self, asset: Asset) -> None:
        """Open a result with the system's program for it."""
        if self.is_there(asset):
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(asset.path)))

    def open_folder(self, asset: Asset) -> None:
        """Show the folder that a result lies in."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(asset.path.parent)))

    def copy(self, assets: Sequence[Asset]) -> None:
        """Copy the texts, or else the picture, to the clipboard."""
        texts = [asset.text for asset in assets if asset.task == "text"]
        if texts:
            QGuiApplication.clipboard().setText("\n\n".join(texts))
        elif assets and self.is_there(assets[0]):
            path = str(assets[0].path)
            self._state.background.read(
                self,
                lambda: QImage(path),
                lambda image: QGuiApplication.clipboard().setImage(image),
            )

    def send_to_image(self, asset: Asset) -> None:
        """Start from this picture in the Image tab."""
        if self.is_there(asset):
            self._state.start_picture_wanted.emit(str(asset.path))

    def send_to_upscale(self, assets: Sequence[Asset]) -> None:
        """Put pictures into the Upscale tab's list."""
        paths = [asset.path for asset in assets if self.is_there(asset)]
        if paths:
            self._state.upscale_wanted.emit(paths)

    def is_there(self, asset: Asset) -> bool:
        """Tell whether a result's file exists, and say so where it does not."""
        if asset.path.is_file():
            return True
        self._state.show_message(
            self.tr("The file {name} is no longer where it was saved.").format(
                name=asset.path.name
            ),
            "warning",
        )
        return False
