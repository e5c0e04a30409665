"""What can be done with results: the library's part of it, off the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage

from studio.kinds.kind import Medium
from studio.library.recipes.export import ExportFormat
from studio.library.records import Asset
from studio.protocol import Sentence
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated


class ResultOperations(QObject):
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
            self._state.change_assets(self, lambda library: library.trash.put(ids), self._deleted)

    def undo(self) -> None:
        """Bring back what was deleted last."""
        ids, self._last_deleted = self._last_deleted, []
        if ids:
            self.restore(ids)

    def restore(self, ids: Sequence[str], then: Callable[[object], object] | None = None) -> None:
        """Bring results back from the trash."""
        self._state.change_assets(self, lambda library: library.trash.restore(ids), then)

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
        self._state.change_assets(self, lambda library: library.marks.star(ids, starred))

    def retag(self, assets: Sequence[Asset], before: Sequence[str], after: Sequence[str]) -> None:
        """Replace the tags that results share; what each has of its own stays."""
        ids = [asset.id for asset in assets]
        gone = set(before) - set(after)
        self._state.change_assets(self, lambda library: library.marks.retag(ids, gone, after))

    def collect(self, assets: Sequence[Asset], collection: str) -> None:
        """Put results into a collection."""
        ids = [asset.id for asset in assets]

        def confirm(_: object) -> None:
            text = (
                self.tr("The result is now in the collection {name}.").format(name=collection)
                if len(ids) == 1
                else self.tr("{n} results are now in the collection {name}.").format(
                    n=len(ids), name=collection
                )
            )
            self._state.show_message(text, "success")

        self._state.change_assets(
            self, lambda library: library.marks.add_to_collection(collection, ids), confirm
        )

    def take_out(self, assets: Sequence[Asset], collection: str) -> None:
        """Take results out of a collection."""
        ids = [asset.id for asset in assets]
        self._state.change_assets(
            self, lambda library: library.marks.remove_from_collection(collection, ids)
        )

    def rename_collection(self, old: str, new: str, then: Callable[[], object]) -> None:
        """Give a collection another name; with the name of another one, they become one."""
        self._state.change_assets(
            self, lambda library: library.marks.rename_collection(old, new), lambda _: then()
        )

    # ---- elsewhere

    def export_to(
        self, assets: Sequence[Asset], folder: Path, to_format: ExportFormat = ""
    ) -> None:
        """Copy results with a table of their recipes into a folder, or convert their pictures."""
        from studio.library.recipes.export import export

        lost: dict[str, list[str]] = {}

        def tell(path: Path, what: Sentence) -> None:
            lost.setdefault(translated(what), []).append(path.name)

        def done(copies: list[Path]) -> None:
            for what, names in lost.items():
                more = "" if len(names) == 1 else f" (+{len(names) - 1})"
                self._state.show_message(f"{names[0]}{more}: {what}", "warning")
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
            self,
            lambda: export(assets, folder, to_format, tell=tell),
            done,
            self._state.problem.emit,
        )

    def contact_sheet(self, assets: Sequence[Asset]) -> None:
        """Put pictures, oldest first, on one page, laid out by the labels that differ."""
        oldest_first = sorted(assets, key=lambda asset: asset.number)
        folder = oldest_first[0].path.parent

        def make() -> Path:
            from studio.jobs.contact_sheet import Picture, make_sheet, varying_labels

            pictures = [Picture(asset.path, asset.recipe.labels) for asset in oldest_first]
            name = f"contact-sheet-{datetime.now():%Y%m%d-%H%M%S}.png"
            return make_sheet(pictures, varying_labels(pictures), folder / name)

        def done(path: Path) -> None:
            self._state.show_message(
                self.tr("The contact sheet is saved as {name}.").format(name=path.name),
                "success",
                self.tr("Open"),
                lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))),
            )

        self._state.background.long(self, make, done, self._state.problem.emit)

    def open(self, asset: Asset) -> None:
        """Open a result with the system's program for it."""
        if self.is_there(asset):
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(asset.path)))

    def open_folder(self, asset: Asset) -> None:
        """Show the folder that a result lies in."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(asset.path.parent)))

    def copy(self, assets: Sequence[Asset]) -> None:
        """Copy the texts, or else the picture, to the clipboard; of other media the files."""
        texts = [asset.text for asset in assets if asset.medium is Medium.TEXT]
        pictures = [asset for asset in assets if asset.medium is Medium.PICTURE]
        if texts:
            QGuiApplication.clipboard().setText("\n\n".join(texts))
        elif not pictures:
            files = QMimeData()
            files.setUrls([QUrl.fromLocalFile(str(asset.path)) for asset in assets])
            QGuiApplication.clipboard().setMimeData(files)
        elif self.is_there(pictures[0]):
            path = str(pictures[0].path)
            self._state.background.read(
                self,
                lambda: QImage(path),
                lambda image: QGuiApplication.clipboard().setImage(image),
            )

    def send(self, task: str, assets: Sequence[Asset]) -> None:
        """Hand results to the tab of a kind, as files that it starts from."""
        paths = [asset.path for asset in assets if self.is_there(asset)]
        if paths:
            self._state.destinations.send(task, paths)

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
