"""What a batch will make, before it is started: its rows, or the cells of a matrix."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from studio.kinds.registry import kind_if_known
from studio.kinds.requests import display_name
from studio.protocol import Request
from studio.ui.batch.plan import Plan
from studio.ui.shell.kind_labels import task_title
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import one_line, plain_tooltip

MAX_ROWS, MAX_COLUMNS = 200, 30
"""Of a long plan the beginning is shown; how much it makes stands below."""

MAX_FIELDS = 6


class PlanPreview(QTableWidget):
    """Object name: `batch.preview`. A matrix of two or more axes is shown as one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("batch.preview")
        self.setAccessibleName(self.tr("What will be made"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(22 * GRID)
        self.horizontalHeader().setHighlightSections(False)
        self.verticalHeader().setHighlightSections(False)
        self.hide()

    def show_plan(self, plan: Plan | None) -> None:
        """Show the beginning of a plan; nothing for None."""
        self.clear()
        self.setVisible(plan is not None)
        if plan is None:
            return
        if len(plan.axes) > 1:
            self._show_matrix(plan)
        else:
            self._show_rows(plan)

    # ---- private

    def _show_matrix(self, plan: Plan) -> None:
        across, down = plan.axes[:2]
        columns = _values(plan, across)[:MAX_COLUMNS]
        rows = _values(plan, down)[:MAX_ROWS]
        self._resize(rows, columns)
        found: dict[tuple[str, str], list[dict[str, str]]] = {}
        for labels in plan.labels:
            found.setdefault((labels.get(down, ""), labels.get(across, "")), []).append(labels)
        for row, of_row in enumerate(rows):
            for column, of_column in enumerate(columns):
                cells = found.get((of_row, of_column), [])
                rest = [
                    ", ".join(f"{_title(plan, name)} {labels[name]}" for name in plan.axes[2:])
                    for labels in cells
                ]
                text = " · ".join(filter(None, rest)) or "✓" * bool(cells)
                self._set(row, column, text, centred=True)
        self.setHorizontalHeaderLabels([f"{_title(plan, across)} {one_line(c)}" for c in columns])
        self.setVerticalHeaderLabels([f"{_title(plan, down)} {one_line(r, 40)}" for r in rows])
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def _show_rows(self, plan: Plan) -> None:
        requests = plan.requests[:MAX_ROWS]
        names = _varied(requests)
        titles = [tr("Kind"), tr("Prompt"), *(_field_title(requests, name) for name in names)]
        lines = [labels.get("line", str(place)) for place, labels in enumerate(plan.labels, 1)]
        self._resize(lines[:MAX_ROWS], titles)
        for row, request in enumerate(requests):
            self._set(row, 0, task_title(request.task))
            self._set(row, 1, display_name(request))
            for column, name in enumerate(names, start=2):
                self._set(row, column, _value(request, name))
        self.setHorizontalHeaderLabels(titles)
        self.setVerticalHeaderLabels(lines[:MAX_ROWS])
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)

    def _resize(self, rows: Sequence[str], columns: Sequence[str]) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setRowCount(len(rows))
        self.setColumnCount(len(columns))

    def _set(self, row: int, column: int, text: str, *, centred: bool = False) -> None:
        item = QTableWidgetItem(one_line(text))
        item.setToolTip(plain_tooltip(text))
        if centred:
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setItem(row, column, item)


def _values(plan: Plan, axis: str) -> list[str]:
    return list(dict.fromkeys(labels[axis] for labels in plan.labels if axis in labels))


def _title(plan: Plan, axis: str) -> str:
    return _field_title(plan.requests, axis)


def _field_title(requests: Sequence[Request], name: str) -> str:
    if name == "size":
        return tr("Size")
    for request in requests:
        kind = kind_if_known(request)
        if kind is not None and name in kind.fields:
            return tr(kind.fields[name].label)
    return name


def _value(request: Request, name: str) -> str:
    kind = kind_if_known(request)
    if kind is None or name not in kind.fields:
        return ""
    value = getattr(request, name)
    field = kind.fields[name]
    return "" if value is None or value == field.default else field.format_value(value)


def _varied(requests: Sequence[Request]) -> list[str]:
    """Return the fields besides the prompt that a request sets to something of its own."""
    names: dict[str, None] = {}
    for request in requests:
        kind = kind_if_known(request)
        for name in kind.fields if kind is not None else ():
            if name != "prompt" and _value(request, name):
                names[name] = None
    return list(names)[:MAX_FIELDS]
