"""What the buttons, keys and menus of History do with the results that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from studio.library.recipes.export import ExportFormat
from studio.library.records import Asset
from studio.ui.gallery.actions import HistoryActions
from studio.ui.gallery.again import Again
from studio.ui.gallery.filters import Filters
from studio.ui.gallery.history_model import HistoryModel
from studio.ui.shell.state import AppState
from studio.ui.widgets.long_list import LongList

_CULLED = 2000
"""Results that are gone through one by one at most."""


class HistoryCommands(QObject):
    """Acts on the rows chosen in `view`; what is not at hand is read first."""

    def __init__(
        self,
        state: AppState,
        model: HistoryModel,
        view: LongList,
        filters: Filters,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._model = model
        self._view = view
        self._filters = filters
        self._row_to_choose: int | None = None
        self.actions = HistoryActions(state, self)
        self.again = Again(state, self._compare, self)

    def chosen(self) -> list[Asset]:
        """Return the selected results that are at hand, in the order of the list."""
        return self._model.known(self._model.numbers(self._view.chosen_rows()))

    def current(self) -> Asset | None:
        """Return the current result, None where there is none or it is not at hand yet."""
        return self._model.asset(self._view.currentIndex())

    def choose_after_deleting(self) -> None:
        """Where something was deleted, let the keyboard go on with what follows it."""
        if self._row_to_choose is None or self._view.selectionModel().hasSelection():
            return
        row = min(self._row_to_choose, self._model.rowCount() - 1)
        self._view.setCurrentIndex(self._model.index(row))
        self._row_to_choose = None

    def use(self) -> None:
        """Restore the current result's settings."""
        asset = self.current()
        if asset is not None:
            self._state.destinations.restore(asset)

    def open(self) -> None:
        """Open the current result with the system's program for it."""
        asset = self.current()
        if asset is not None:
            self.actions.open(asset)

    def open_folder(self) -> None:
        """Show the folder of the current result."""
        asset = self.current()
        if asset is not None:
            self.actions.open_folder(asset)

    def copy(self) -> None:
        """Copy the selected texts, or the picture."""
        self._with_chosen(self.actions.copy)

    def star(self) -> None:
        """Star what is selected, or take the stars away."""
        self._with_chosen(self.actions.toggle_star)

    def delete(self) -> None:
        """Move what is selected to the trash."""
        self._row_to_choose = min(self._view.chosen_rows(), default=None)
        self._with_chosen(self.actions.delete)

    def edit_tags(self) -> None:
        """Ask for the tags of what is selected."""
        from studio.ui.gallery.tags_dialog import TagsDialog

        def ask(chosen: list[Asset]) -> None:
            dialog = TagsDialog(chosen, self._window())
            dialog.kept.connect(lambda before, after: self.actions.retag(chosen, before, after))
            _show(dialog)

        self._with_chosen(ask)

    def put_into(self, collection: str) -> None:
        """Put what is selected into a collection."""
        self._with_chosen(lambda chosen: self.actions.collect(chosen, collection))

    def take_out_of(self, collection: str) -> None:
        """Take what is selected out of a collection."""
        self._with_chosen(lambda chosen: self.actions.take_out(chosen, collection))

    def new_collection(self) -> None:
        """Ask for a name and put what is selected into a collection of that name."""
        from studio.ui.gallery.name_dialog import NameDialog

        dialog = NameDialog(
            "history.collection.new",
            self.tr("New collection"),
            self.tr("The name of the collection:"),
            "",
            self._window(),
        )
        dialog.kept.connect(self.put_into)
        _show(dialog)

    def rename_collection(self) -> None:
        """Ask for another name of the collection on show."""
        from studio.ui.gallery.name_dialog import NameDialog

        old = self._filters.wanted("").collection
        if not old:
            self._state.show_message(
                self.tr("Choose a collection among the filters first."), "info"
            )
            return
        dialog = NameDialog(
            "history.collection.rename",
            self.tr("Rename the collection"),
            self.tr("The name of the collection:"),
            old,
            self._window(),
        )

        def rename(new: str) -> None:
            self.actions.rename_collection(old, new, lambda: self._filters.choose_collection(new))

        dialog.kept.connect(rename)
        _show(dialog)

    def more_like(self) -> None:
        """Make variations of the current result with new seeds."""
        asset = self.current()
        if asset is not None:
            self.again.more_like(asset)

    def reproduce(self) -> None:
        """Run the current result's recipe again and compare."""
        asset = self.current()
        if asset is not None:
            self.again.reproduce(asset)

    def export(self, to_format: ExportFormat = "") -> None:
        """Ask for a folder and copy what is selected into it."""

        def ask(chosen: list[Asset]) -> None:
            folder = QFileDialog.getExistingDirectory(
                self._window(), self.tr("A folder for the copies")
            )
            if folder:
                self.actions.export_to(chosen, Path(folder), to_format)

        self._with_chosen(ask)

    def send_to_image(self) -> None:
        """Start from the current picture in the Image tab."""
        asset = self.current()
        if asset is not None and asset.task != "text":
            self.actions.send_to_image(asset)

    def send_to_upscale(self) -> None:
        """Put the selected pictures into the Upscale tab's list."""
        self.actions.send_to_upscale([asset for asset in self.chosen() if asset.task != "text"])

    def compare(self) -> None:
        """Show two to four selected pictures side by side."""
        if self._view.chosen_count() > 4:
            self._compare([])
        else:
            self._with_chosen(self._compare, or_else=lambda: self._compare([]))

    def contact_sheet(self) -> None:
        """Put the selected pictures on one labelled page."""

        def make(chosen: Sequence[Asset]) -> None:
            pictures = [asset for asset in chosen if asset.task != "text"]
            if len(pictures) < 2:
                self._state.show_message(
                    self.tr("Select two or more pictures in History for a contact sheet."), "info"
                )
                return
            self.actions.contact_sheet(pictures)

        self._with_chosen(make, or_else=lambda: make([]))

    def cull(self) -> None:
        """Go through the selected pictures, or all that are listed, one by one."""
        rows = self._view.chosen_rows()
        one = self._model.numbers(rows)[0] if len(rows) == 1 else None
        many = rows if len(rows) > 1 else range(self._model.rowCount())
        first = rows[0] if len(rows) == 1 else 0
        start = max(0, min(first - _CULLED // 2, len(many) - _CULLED))
        self._with_numbers(
            self._model.numbers(many[start : start + _CULLED]),
            lambda listed: self._cull(listed, one),
            lambda: self._cull([], None),
        )

    def open_trash(self) -> None:
        """Show what was deleted."""
        from studio.ui.gallery.trash_dialog import TrashDialog

        _show(TrashDialog(self._state, self._window()))

    # ---- inside

    def _window(self) -> QWidget:
        return self._view.window()

    def _compare(self, chosen: Sequence[Asset]) -> None:
        pictures = [asset for asset in chosen if asset.task != "text"]
        if not 2 <= len(pictures) <= 4:
            self._state.show_message(
                self.tr("Select two to four pictures in History to compare them."), "info"
            )
            return
        from studio.ui.compare.compare_dialog import CompareDialog

        _show(CompareDialog(pictures, self._window()))

    def _cull(self, listed: Sequence[Asset], first: int | None) -> None:
        pictures = [asset for asset in listed if asset.task != "text"]
        if not pictures:
            self._state.show_message(self.tr("There are no pictures in this list."), "info")
            return
        from studio.ui.cull.cull_dialog import CullDialog

        numbers = [asset.number for asset in pictures]
        start = numbers.index(first) if first in numbers else 0
        _show(CullDialog(self._state, pictures, self._window(), start=start))

    def _with_chosen(
        self,
        act: Callable[[list[Asset]], object],
        or_else: Callable[[], object] | None = None,
    ) -> None:
        self._with_numbers(self._model.numbers(self._view.chosen_rows()), act, or_else)

    def _with_numbers(
        self,
        numbers: Sequence[int],
        act: Callable[[list[Asset]], object],
        or_else: Callable[[], object] | None = None,
    ) -> None:
        """Do something with these results, now if all are at hand, otherwise once they are read."""
        known = self._model.known(numbers)
        library = self._state.library
        if not numbers:
            if or_else is not None:
                or_else()
        elif len(known) == len(numbers):
            act(known)
        elif library is not None:
            self._state.background.read(
                self, lambda: library.assets_numbered(numbers), act, self._state.problem.emit
            )


def _show(dialog: QWidget) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
