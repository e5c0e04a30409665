"""What the buttons, keys and menus of History do with the results that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.ui.gallery.filters import Filters
from studio.ui.gallery.history_model import HistoryModel
from studio.ui.gallery.result_actions import ResultActions
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
        self.results = ResultActions(state, view, self)

    def chosen(self) -> list[Asset]:
        """Return the selected results that are at hand, in the order of the list."""
        return self._model.known(self._model.numbers(self._view.selected_rows()))

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

    def do(self, name: str) -> None:
        """Do something with the selected results, or with the current one where it takes one."""
        action = self.results[name]
        if name == "delete":
            self._row_to_choose = min(self._view.selected_rows(), default=None)
        if action.most == 1:
            current = self.current()
            if current is not None:
                self.results.do(name, [current])
        elif action.most is not None and self._view.selected_count() > action.most:
            # No more are read than it could be done with.
            self.results.do(name, [])
        else:
            self._with_chosen(partial(self.results.do, name), partial(self.results.do, name, []))

    def put_into(self, collection: str) -> None:
        """Put what is selected into a collection."""
        self._with_chosen(lambda chosen: self.results.operations.collect(chosen, collection))

    def take_out_of(self, collection: str) -> None:
        """Take what is selected out of a collection."""
        self._with_chosen(lambda chosen: self.results.operations.take_out(chosen, collection))

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
            self.results.operations.rename_collection(
                old, new, lambda: self._filters.choose_collection(new)
            )

        dialog.kept.connect(rename)
        _show(dialog)

    def cull(self) -> None:
        """Go through the selected pictures, or all that are listed, one by one."""
        rows = self._view.selected_rows()
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

    def _cull(self, listed: Sequence[Asset], first: int | None) -> None:
        pictures = [asset for asset in listed if asset.medium is Medium.PICTURE]
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
        self._with_numbers(self._model.numbers(self._view.selected_rows()), act, or_else)

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
                self, lambda: library.assets.by_numbers(numbers), act, self._state.problem.emit
            )


def _show(dialog: QWidget) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
