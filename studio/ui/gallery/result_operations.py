"""Operations on results that need no further input, run on background threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from studio.formats.chat.thoughts import without_thoughts
from studio.formats.suffixes import is_result
from studio.formats.untrusted_files import is_file
from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.library.review import marked_name, worst_state
from studio.protocol import Problem, Sentence
from studio.ui.gallery.contact_sheets import show_sheets
from studio.ui.gallery.outgoing_files import (
    outgoing_files,
    outgoing_text,
    warning_without_mark,
)
from studio.ui.gallery.review_states import about, short_note, state_title
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated
from studio.ui.widgets.open_path import open_path

if TYPE_CHECKING:
    from studio.library.recipes.export import ExportFormat
    from studio.library.review import ReviewState


class ResultOperations(QObject):
    """Each operation returns at once and reports its outcome in the message bar."""

    def __init__(self, state: AppState, window: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._widget = window
        self._last_deleted: list[str] = []

    # ---- the trash

    def delete(self, assets: Sequence[Asset]) -> None:
        """Move results to the trash and offer to undo it."""
        ids = [asset.id for asset in assets]
        if ids:
            self._state.change_assets(self, lambda library: library.trash.put(ids), self._deleted)

    def undo(self) -> None:
        """Restore the results of the last deletion."""
        ids, self._last_deleted = self._last_deleted, []
        if ids:
            self._undelete(ids)

    def restore(self, ids: Sequence[str], then: Callable[[object], object] | None = None) -> None:
        """Restore results from the trash."""
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

    def _undo_these(self, ids: list[str]) -> None:
        if self._last_deleted == ids:
            self._last_deleted = []
        self._undelete(ids)

    def _undelete(self, ids: list[str]) -> None:
        text = (
            self.tr("The result was restored.")
            if len(ids) == 1
            else self.tr("{n} results were restored.").format(n=len(ids))
        )
        # It takes the place of the message about the deletion.
        self.restore(ids, lambda _: self._state.show_message(text, "success"))

    # ---- marks

    def toggle_star(self, assets: Sequence[Asset]) -> None:
        """Star all results, or remove the stars if all have one."""
        starred = not all(asset.starred for asset in assets)
        ids = [asset.id for asset in assets if asset.starred != starred]
        self._state.change_assets(self, lambda library: library.marks.star(ids, starred))

    def retag(self, assets: Sequence[Asset], before: Sequence[str], after: Sequence[str]) -> None:
        """Replace the shared tags of results; each result keeps its other tags."""
        ids = [asset.id for asset in assets]
        removed = set(before) - set(after)
        self._state.change_assets(self, lambda library: library.marks.retag(ids, removed, after))

    def review(
        self, assets: Sequence[Asset], state: ReviewState, reviewer: str, remark: str
    ) -> None:
        """Note what a person decided on results, and offer to take it back."""
        if reviewer.strip() and reviewer != self._state.settings.reviewer:
            self._state.settings.reviewer = reviewer.strip()
            self._state.save_soon()
        before = {asset.id: asset.review for asset in assets}

        def undo() -> None:
            self._state.change_assets(
                self._state, lambda library: library.marks.restore_reviews(before)
            )

        def noted(_: object) -> None:
            said = (
                self.tr("Review of 1 result: {state}.")
                if len(before) == 1
                else self.tr("Review of {n} results: {state}.")
            )
            text = said.format(n=f"{len(before):,}", state=state_title(state))
            self._state.show_message(text, "success", self.tr("Undo"), undo)

        self._state.change_assets(
            self,
            lambda library: library.marks.review(list(before), state, reviewer, remark),
            noted,
        )

    def add_to_collection(self, assets: Sequence[Asset], collection: str) -> None:
        """Add results to a collection."""
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

    def remove_from_collection(self, assets: Sequence[Asset], collection: str) -> None:
        """Remove results from a collection."""
        ids = [asset.id for asset in assets]
        self._state.change_assets(
            self, lambda library: library.marks.remove_from_collection(collection, ids)
        )

    def rename_collection(self, old: str, new: str, then: Callable[[], object]) -> None:
        """Rename a collection; merges it with an existing one of the new name."""
        self._state.change_assets(
            self, lambda library: library.marks.rename_collection(old, new), lambda _: then()
        )

    # ---- files

    def export_to(
        self, assets: Sequence[Asset], folder: Path, to_format: ExportFormat = ""
    ) -> None:
        """Copy results and a table of their recipes into a folder, or convert the pictures."""
        from studio.library.recipes.aigc_setting import visible_label_from_settings
        from studio.library.recipes.export import check_export_folder, export

        lost: dict[str, list[str]] = {}

        def note_loss(path: Path, loss: Sentence) -> None:
            lost.setdefault(translated(loss), []).append(path.name)

        failed: list[str] = []

        def note_failure(_asset: Asset, found: Problem) -> None:
            failed.append(translated(found.message))

        def done(copies: list[Path]) -> None:
            if copies:
                report(copies)
            if failed:
                more = "" if len(failed) == 1 else f" (+{len(failed) - 1})"
                self._state.show_message(f"{failed[0]}{more}", "error")

        def report(copies: list[Path]) -> None:
            for loss, names in lost.items():
                more = "" if len(names) == 1 else f" (+{len(names) - 1})"
                self._state.show_message(f"{names[0]}{more}: {loss}", "warning")
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
                lambda: open_path(folder, self._state.show_message),
            )

        root = self._state.library_root
        label = visible_label_from_settings(self._state.settings)

        def copy() -> list[Path]:
            check_export_folder(folder, root)
            return export(
                assets,
                folder,
                to_format,
                on_loss=note_loss,
                on_failure=note_failure,
                visible_label=label,
            )

        self._state.background.long(self, copy, done, self._state.problem.emit)

    def save_subtitles(self, assets: Sequence[Asset], folder: Path) -> None:
        """Write what is said in sounds, with the times, as SRT."""
        from studio.library.recipes.subtitles import write_subtitles

        def done(files: list[Path]) -> None:
            self._state.show_message(
                self.tr("The subtitles are saved as {name}.").format(name=files[0].name),
                "success",
                self.tr("Open folder"),
                lambda: open_path(folder, self._state.show_message),
            )

        sounds = {asset.path: asset.review_state for asset in assets}
        root = self._state.library.root if self._state.library is not None else None
        self._state.background.long(
            self,
            lambda: write_subtitles(sounds, folder, "srt", root),
            done,
            self._state.problem.emit,
        )

    def contact_sheet(self, assets: Sequence[Asset]) -> None:
        """Save a contact sheet of pictures, oldest first, laid out by the labels that differ."""
        oldest_first = sorted(assets, key=lambda asset: asset.number)
        folder = oldest_first[0].path.parent

        def make() -> Path:
            from studio.jobs.contact_sheet import Picture, make_sheet, varying_labels

            states = [asset.review_state for asset in oldest_first]
            pictures = [
                Picture(asset.path, asset.recipe.labels, short_note(state))
                for asset, state in zip(oldest_first, states, strict=True)
            ]
            plain = f"contact-sheet-{datetime.now():%Y%m%d-%H%M%S}.png"
            name = marked_name(plain, worst_state(states))
            return make_sheet(pictures, varying_labels(pictures), folder / name)

        def done(path: Path) -> None:
            self._state.show_message(
                self.tr("The contact sheet is saved as {name}.").format(name=path.name), "success"
            )
            self._state.sheets_changed.emit()
            show_sheets([path], self._state, self._widget.window())

        self._state.background.long(self, make, done, self._state.problem.emit)

    def open(self, asset: Asset) -> None:
        """Open a result in the default application, or its folder if it might be a program."""
        if self._file_exists(asset):
            if said := about(asset.review_state):
                self._state.show_message(f"{asset.path.name}: {said}", "warning")
            open_path(
                asset.path if is_result(asset.path) else asset.path.parent, self._state.show_message
            )

    def open_folder(self, asset: Asset) -> None:
        """Open the folder that contains a result."""
        open_path(asset.path.parent, self._state.show_message)

    def copy(self, assets: Sequence[Asset]) -> None:
        """Copy to the clipboard: the texts, else the first picture, else the files."""
        pictures = [asset for asset in assets if asset.medium is Medium.PICTURE]
        if any(asset.medium is Medium.TEXT for asset in assets):
            QGuiApplication.clipboard().setText(outgoing_text(assets))
        elif not pictures:
            files = outgoing_files(self._state, assets)
            if files.urls():
                QGuiApplication.clipboard().setMimeData(files)
        elif self._file_exists(pictures[0]):
            copy = partial(self._copy_picture, str(pictures[0].path))
            if warning := warning_without_mark(pictures[0]):
                self._state.show_message(warning, "warning", self.tr("Copy anyway"), copy)
            else:
                copy()

    def _copy_picture(self, path: str) -> None:
        self._state.background.read(
            self,
            lambda: QImage(path),
            lambda image: QGuiApplication.clipboard().setImage(image),
        )

    def send(self, task: str, assets: Sequence[Asset]) -> None:
        """Send the files of results to the tab of a kind, as its input."""
        paths = [asset.path for asset in assets if self._file_exists(asset)]
        if paths:
            self._state.destinations.send(task, paths)

    def send_text(self, task: str, assets: Sequence[Asset]) -> None:
        """Send a text to the tab of a kind, as its prompt."""
        self._state.destinations.send_text(task, without_thoughts(assets[0].text))

    def _file_exists(self, asset: Asset) -> bool:
        """Return whether the file of a result exists; show a message if it does not."""
        if is_file(asset.path):
            return True
        self._state.show_message(
            self.tr("The file {name} is no longer where it was saved.").format(
                name=asset.path.name
            ),
            "warning",
        )
        return False
