"""The list of installed models: by kind of work, with size, last use and fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from studio.kinds.registry import kinds
from studio.protocol import ModelRef, readable_size
from studio.ui.models.model_titles import kind_text
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, severity_colour
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import time_ago_text

if TYPE_CHECKING:
    from studio.jobs.model_usage import ModelUsage

ROW_HEIGHT = 3 * GRID

_MODEL = Qt.ItemDataRole.UserRole
_NAME, _KIND, _SIZE, _USED, _MEMORY = range(5)


class InstalledList(QTreeWidget):
    """`task` is the group whose first model is selected first; empty for the first group."""

    def __init__(self, state: AppState, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._task = task
        self._usage: dict[str, ModelUsage] = {}
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
        """Show the models as listed last, keeping the selection."""
        chosen = set(self.chosen_ids())
        self.clear()
        first: QTreeWidgetItem | None = None
        selected: list[QTreeWidgetItem] = []
        groups = [
            (tr(kind.title), kind.icon, task, self._state.models(task))
            for task, kind in kinds().items()
        ]
        companions = tuple(each for task in kinds() for each in self._state.companions(task))
        if companions:
            groups.append((self.tr("LoRA and other additions"), "plus", "", companions))
        for title, icon_name, task, models in groups:
            group = self._group(title, icon_name)
            for model in models:
                item = self._row(group, model)
                if first is None and task and self._task in ("", task):
                    first = item
                if model.id in chosen:
                    selected.append(item)
            if not models:
                none = QTreeWidgetItem(group, [self.tr("None yet")])
                none.setFlags(Qt.ItemFlag.NoItemFlags)
                none.setFirstColumnSpanned(True)
            group.setExpanded(True)
        self._list_problems()
        current = selected[0] if selected else first
        if current is not None:
            self.setCurrentItem(current)
        for item in selected:
            item.setSelected(True)

    def show_usage(self, usage: dict[str, ModelUsage]) -> None:
        """Show what each model weighs on the disk and when it was last used, by id."""
        self._usage = usage
        # Otherwise, each changed text would measure its whole column.
        self._fit_columns(QHeaderView.ResizeMode.Fixed)
        for item in self._items():
            model = item.data(_NAME, _MODEL)
            if isinstance(model, ModelRef):
                self._show_usage(item, model)
        self._fit_columns(QHeaderView.ResizeMode.ResizeToContents)

    def usage_of(self, id: str) -> ModelUsage | None:
        """Return size and last use of a model, None until they are known."""
        return self._usage.get(id)

    def chosen(self) -> list[ModelRef]:
        """Return the selected models that can be used."""
        found = [item.data(_NAME, _MODEL) for item in self._items() if item.isSelected()]
        return [model for model in found if isinstance(model, ModelRef)]

    def chosen_ids(self) -> list[str]:
        """Return the ids of the selected models, also of those that cannot be used."""
        found = [item.data(_NAME, _MODEL) for item in self._items() if item.isSelected()]
        return [each.id if isinstance(each, ModelRef) else str(each) for each in found if each]

    def select(self, id: str) -> None:
        """Select a model, also one that cannot be used."""
        for item in self._items():
            found = item.data(_NAME, _MODEL)
            if (found.id if isinstance(found, ModelRef) else found) == id:
                self.setCurrentItem(item)

    # ---- private

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

    def _list_problems(self) -> None:
        problems = self._state.model_problems()
        if not problems:
            return
        group = self._group(self.tr("Cannot be used"), "triangle-alert")
        for name, problem in problems.items():
            item = QTreeWidgetItem(group, [one_line(f"{name}: {translated(problem.message)}", 400)])
            item.setToolTip(_NAME, plain_tooltip(translated(problem.message)))
            item.setData(_NAME, _MODEL, name)
            item.setFirstColumnSpanned(True)
        group.setExpanded(True)


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
