"""The commands behind the buttons, keys and menus of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.ui.gallery.filters import Filters
from studio.ui.gallery.history_model import HistoryModel
from studio.ui.gallery.result_actions import ResultActions
from studio.ui.shell.state import AppState
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.long_list import LongList

_MAX_CULLED = 2000
"""Maximum number of results in one keep-or-reject session."""


class HistoryCommands(QObject):
    """Acts on the rows selected in `view`; assets that are not loaded are read first."""

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
        self.results = ResultActions(state, view, self)

    def chosen(self) -> list[Asset]:
        """Return the selected results that are loaded, in the order of the list."""
        return self._model.known(self._model.numbers(self._view.selected_rows()))

    def current(self) -> Asset | None:
        """Return the selected result, of several the current one; None if it is not loaded yet."""
        index = self._view.currentIndex()
        if not self._view.selectionModel().isSelected(index):
            # The current row moves to a neighbour when its row is removed.
            rows = self._view.selected_rows()
            index = self._model.index(rows[0] if len(rows) == 1 else -1)
        return self._model.asset(index)

    def selected_count(self) -> int:
        """Return the number of selected results."""
        return self._view.selected_count()

    def listed_count(self) -> int:
        """Return the number of listed results."""
        return self._model.rowCount()

    def collection(self) -> str:
        """Return the collection that is shown, "" for none."""
        return self._filters.query("").collection

    def choose_after_deleting(self) -> None:
        """After a deletion, select the row that follows the deleted ones."""
        if self._row_to_choose is None or self._view.selectionModel().hasSelection():
            return
        row = min(self._row_to_choose, self._model.rowCount() - 1)
        self._view.setCurrentIndex(self._model.index(row))
        self._row_to_choose = None

    def do(self, name: str) -> None:
        """Run an action on the selected results, or on the current one if it takes only one."""
        action = self.results[name]
        if name == "delete":
            self._row_to_choose = min(self._view.selected_rows(), default=None)
        if action.maximum == 1:
            current = self.current()
            if current is not None:
                self.results.do(name, [current])
        elif action.maximum is not None and self._view.selected_count() > action.maximum:
            # Shows the hint, without reading more results than the action accepts.
            self.results.do(name, [])
        else:
            self._with_chosen(partial(self.results.do, name), partial(self.results.do, name, []))

    def add_to(self, collection: str) -> None:
        """Add the selected results to a collection."""
        self._with_chosen(
            lambda chosen: self.results.operations.add_to_collection(chosen, collection)
        )

    def remove_from(self, collection: str) -> None:
        """Remove the selected results from a collection."""
        self._with_chosen(
            lambda chosen: self.results.operations.remove_from_collection(chosen, collection)
        )

    def new_collection(self) -> None:
        """Ask for a name and add the selected results to the collection of that name."""
        from studio.ui.gallery.name_dialog import NameDialog

        dialog = NameDialog(
            "history.collection.new",
            self.tr("New collection"),
            self.tr("The name of the collection:"),
            "",
            self._window(),
        )
        dialog.submitted.connect(self.add_to)
        show_dialog(dialog)

    def rename_collection(self) -> None:
        """Ask for a new name for the collection that is shown."""
        from studio.ui.gallery.name_dialog import NameDialog

        old = self.collection()
        if not old:
            self._state.show_message(self.tr("Choose a collection in the filters first."), "info")
            return
        dialog = NameDialog(
            "history.collection.rename",
            self.tr("Rename collection"),
            self.tr("The name of the collection:"),
            old,
            self._window(),
        )

        def rename(new: str) -> None:
            self.results.operations.rename_collection(
                old, new, lambda: self._filters.choose_collection(new)
            )

        dialog.submitted.connect(rename)
        show_dialog(dialog)

    def cull(self) -> None:
        """Keep or reject one by one: several selected pictures, or else all that are listed."""
        rows = self._view.selected_rows()
        one = self._model.numbers(rows)[0] if len(rows) == 1 else None
        many = rows if len(rows) > 1 else range(self._model.rowCount())
        first = rows[0] if len(rows) == 1 else 0
        start = max(0, min(first - _MAX_CULLED // 2, len(many) - _MAX_CULLED))
        self._with_numbers(
            self._model.numbers(many[start : start + _MAX_CULLED]),
            lambda listed: self._cull(listed, one),
            lambda: self._cull([], None),
        )

    def open_trash(self) -> None:
        """Show the deleted results."""
        from studio.ui.gallery.trash_dialog import TrashDialog

        show_dialog(TrashDialog(self._state, self._window()))

    def show_sheets(self) -> None:
        """Show the contact sheets of the library, newest first."""
        from studio.ui.gallery.contact_sheets import find_sheets, show_sheets

        root = self._state.library_root
        self._state.background.read(
            self,
            lambda: find_sheets(root),
            lambda files: show_sheets(files, self._state, self._window()),
            self._state.problem.emit,
        )

    # ---- private

    def _window(self) -> QWidget:
        return self._view.window()

    def _cull(self, listed: Sequence[Asset], first: int | None) -> None:
        pictures = [asset for asset in listed if asset.medium is Medium.PICTURE]
        if not pictures:
            self._state.show_message(self.tr("There are no pictures in this list."), "info")
            return
        from studio.ui.cull.cull_dialog import CullDialog

        numbers = [asset.number for asset in pictures]
        start = numbers.index(first) if first in numbers else 0
        show_dialog(CullDialog(self._state, pictures, self._window(), start=start))

    def _with_chosen(
        self,
        act: Callable[[list[Asset]], object],
        or_else: Callable[[], object] | None = None,
    ) -> None:
        self._with_numbers(self._model.numbers(self._view.selected_rows()), act, or_else)

    def _with_numbers(
        self,
        numbers: Sequence[int],
        act: Callable[[list[Asset]], object],
        or_else: Callable[[], object] | None = None,
    ) -> None:
        """Call `act` with these results, after reading them if necessary; `or_else()` if none."""
        known = self._model.known(numbers)
        library = self._state.library
        if not numbers:
            if or_else is not None:
                or_else()
        elif len(known) == len(numbers):
            act(known)
        elif library is not None:
            self._state.background.read(
                self, lambda: library.assets.by_numbers(numbers), act, self._state.problem.emit
            )
