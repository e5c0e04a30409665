"""The list of installed models: by kind of work, with size, last use and fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from studio.kinds.registry import kinds
from studio.protocol import ModelRef, readable_size
from studio.ui.models.model_titles import kind_text
from studio.ui.shell.event_loop_slices import Slice, run_in_slices
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, severity_colour
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import time_ago_text

if TYPE_CHECKING:
    from studio.jobs.model_usage import ModelUsage

ROW_HEIGHT = 3 * GRID

_AT_ONCE = 16
"""Rows of a slice."""

_MODEL = Qt.ItemDataRole.UserRole
_NAME, _KIND, _SIZE, _USED, _MEMORY = range(5)


class InstalledList(QTreeWidget):
    """`task` is the group whose first model is selected first; empty for the first group."""

    rebuilt = Signal()
    """All models are listed: many take several slices. The selection says nothing before it."""

    def __init__(self, state: AppState, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._task = task
        self._usage: dict[str, ModelUsage] = {}
        self._is_filled = True
        self._selected: set[str] = set()
        """Ids of the models to select again, until all are listed."""
        self._turn = 0
        self.itemSelectionChanged.connect(self._choose_anew)
        self.setObjectName("models.view")
        self.setAccessibleName(self.tr("Models"))
        self.setColumnCount(5)
        self.setHeaderLabels(
            [
                self.tr("Name"),
                self.tr("Kind"),
                self.tr("On disk"),
                self.tr("Last used"),
                self.tr("Memory"),
            ]
        )
        self.setIconSize(QSize(18, 18))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self._fit_columns(QHeaderView.ResizeMode.ResizeToContents)

    def rebuild(self) -> None:
        """Show the models as listed last, keeping the selection; see `rebuilt`."""
        self._selected |= set(self.chosen_ids())
        self._is_filled = False
        blocked = self.blockSignals(True)
        self.clear()
        self.blockSignals(blocked)
        self._run(self._add_rows())

    def show_usage(self, usage: dict[str, ModelUsage]) -> None:
        """Show what each model weighs on the disk and when it was last used, by id."""
        self._usage = usage
        if self._is_filled:
            self._run(self._show_usages())

    def usage_of(self, id: str) -> ModelUsage | None:
        """Return size and last use of a model, None until they are known."""
        return self._usage.get(id)

    def chosen(self) -> list[ModelRef]:
        """Return the selected models that can be used."""
        found = [item.data(_NAME, _MODEL) for item in self._items() if item.isSelected()]
        return [model for model in found if isinstance(model, ModelRef)]

    def chosen_ids(self) -> list[str]:
        """Return the ids of the selected models, also of those that cannot be used."""
        found = [_id_of(item) for item in self._items() if item.isSelected()]
        return [id for id in found if id]

    def select(self, id: str) -> None:
        """Select a model, also one that cannot be used."""
        self._selected = set() if self._is_filled else {id}
        for item in self._items():
            if _id_of(item) == id:
                self.setCurrentItem(item)

    # ---- private

    def _run(self, rows: Iterator[None]) -> None:
        """Go through the rows in slices, instead of what is still running."""
        self._turn += 1
        turn = self._turn
        run_in_slices(self, self._slices(rows), lambda: turn == self._turn)

    def _slices(self, rows: Iterator[None]) -> Iterator[Slice]:
        is_left = True

        def run() -> None:
            nonlocal is_left
            blocked = self.blockSignals(True)
            # Otherwise, each changed text would measure its whole column.
            self._fit_columns(QHeaderView.ResizeMode.Fixed)
            is_left = sum(1 for _ in islice(rows, _AT_ONCE)) == _AT_ONCE
            self._fit_columns(QHeaderView.ResizeMode.ResizeToContents)
            self.blockSignals(blocked)
            if not is_left and not self._is_filled:
                self._is_filled = True
                self._selected.clear()
                self.rebuilt.emit()

        while is_left:
            yield run

    def _add_rows(self) -> Iterator[None]:
        usage = self._usage
        first: QTreeWidgetItem | None = None
        groups = [
            (tr(kind.title), kind.icon, task, self._state.models(task))
            for task, kind in kinds().items()
        ]
        companions = tuple(each for task in kinds() for each in self._state.companions(task))
        if companions:
            groups.append((self.tr("LoRA and other additions"), "plus", "", companions))
        for title, icon_name, task, models in groups:
            group = self._group(title, icon_name)
            group.setExpanded(True)
            for model in models:
                item = self._row(group, model)
                if first is None and task and self._task in ("", task):
                    first = item
                    if not self._selected:
                        self.setCurrentItem(item)
                self._select_again(item)
                yield
            if not models:
                none = QTreeWidgetItem(group, [self.tr("None yet")])
                none.setFlags(Qt.ItemFlag.NoItemFlags)
                none.setFirstColumnSpanned(True)
        yield from self._add_problems()
        if self.currentItem() is None and first is not None:
            self.setCurrentItem(first)
        if self._usage is not usage:
            yield from self._show_usages()

    def _choose_anew(self) -> None:
        """What is selected while the list is being filled stays selected, and no more."""
        if not self._is_filled:
            self._selected = set(self.chosen_ids())

    def _select_again(self, item: QTreeWidgetItem) -> None:
        if _id_of(item) not in self._selected:
            return
        if not self.selectedItems():
            self.setCurrentItem(item)
        item.setSelected(True)

    def _show_usages(self) -> Iterator[None]:
        for item in self._items():
            model = item.data(_NAME, _MODEL)
            if isinstance(model, ModelRef):
                self._show_usage(item, model)
                yield

    def _fit_columns(self, mode: QHeaderView.ResizeMode) -> None:
        for column in (_KIND, _SIZE, _USED, _MEMORY):
            self.header().setSectionResizeMode(column, mode)

    def _items(self) -> list[QTreeWidgetItem]:
        groups = (self.topLevelItem(row) for row in range(self.topLevelItemCount()))
        rows = (group.child(row) for group in groups if group for row in range(group.childCount()))
        return [item for item in rows if item is not None]

    def _group(self, title: str, icon_name: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem(self, [title])
        group.setIcon(_NAME, icon(icon_name))
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        group.setFirstColumnSpanned(True)
        group.setSizeHint(_NAME, QSize(0, ROW_HEIGHT))
        font = self.font()
        font.setWeight(font.Weight.DemiBold)
        group.setFont(_NAME, font)
        return group

    def _row(self, group: QTreeWidgetItem, model: ModelRef) -> QTreeWidgetItem:
        fit = self._state.fit(model)
        memory = ""
        if fit is not None:
            memory = {
                "fits": self.tr("Fits"),
                "tight": self.tr("Tight"),
                "will_not_fit": self.tr("Will not fit"),
            }[fit.verdict]
        item = QTreeWidgetItem([one_line(model.name), one_line(kind_text(model)), "", "", memory])
        item.setSizeHint(_NAME, QSize(0, ROW_HEIGHT))
        item.setTextAlignment(_SIZE, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(_NAME, plain_tooltip(model.path))
        item.setData(_NAME, _MODEL, model)
        self._show_usage(item, model)
        if fit is not None:
            item.setToolTip(_MEMORY, plain_tooltip(translated(fit.sentence)))
            if fit.verdict != "fits":
                shade = severity_colour(
                    "warning" if fit.verdict == "tight" else "error", self.palette()
                )
                item.setForeground(_MEMORY, shade)
        group.addChild(item)  # last: the view measures every change of an item that it shows
        return item

    def _show_usage(self, item: QTreeWidgetItem, model: ModelRef) -> None:
        usage = self._usage.get(model.id)
        item.setText(_SIZE, readable_size(model.size if usage is None else usage.size))
        if usage is None:
            return
        item.setText(_USED, _used_text(usage.last_used))
        count = self.tr("Results in the library: {n}").format(n=f"{usage.results:,}")
        item.setToolTip(_USED, plain_tooltip(count))

    def _add_problems(self) -> Iterator[None]:
        problems = self._state.model_problems()
        if not problems:
            return
        group = self._group(self.tr("Cannot be used"), "triangle-alert")
        group.setExpanded(True)
        for name, problem in problems.items():
            item = QTreeWidgetItem([one_line(f"{name}: {translated(problem.message)}", 400)])
            item.setToolTip(_NAME, plain_tooltip(translated(problem.message)))
            item.setData(_NAME, _MODEL, name)
            group.addChild(item)
            item.setFirstColumnSpanned(True)
            self._select_again(item)
            yield


def _id_of(item: QTreeWidgetItem) -> str:
    found = item.data(_NAME, _MODEL)
    return found.id if isinstance(found, ModelRef) else str(found or "")


def _used_text(moment: str) -> str:
    if not moment:
        return tr("Not yet")
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment[:10]
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return time_ago_text(then, datetime.now(UTC))
