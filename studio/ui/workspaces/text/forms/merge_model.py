"""The rows of a mail merge: their cells, how far they are, what the checks found, the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication

from studio.jobs.forms.merge import MergedRow, MergeTable
from studio.protocol import Sentence
from studio.ui.gallery.review_states import marked_text
from studio.ui.style.theme import severity_colour
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.writing.facts.findings import Finding

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()

_SHOWN_CELLS = 6
"""Columns of the table that are shown."""

_SHOWN_FINDINGS = 5

_FIRST, _OWN = 1, 4
"""Columns of the table before those with state, checks, findings and result."""


class RowState(Struct):
    """What has become of a row. `asset` is its result, `failed` why there is none."""

    status: str = ""
    text: str = ""
    asset: str = ""
    seed: int = 0
    attempt: int = 1
    findings: Sequence[Finding] | None = None
    failed: Sentence | None = None
    review: str = ""

    @property
    def needs_another(self) -> bool:
        """Whether the row failed, or its result fails the checks."""
        return self.failed is not None or bool(self.findings)


class MergeModel(QAbstractTableModel):
    """Columns: the first one of the table, what has become of the row, and the others."""

    def __init__(self) -> None:
        super().__init__()
        self._columns: tuple[str, ...] = ()
        self.rows: tuple[MergedRow, ...] = ()
        self.states: list[RowState] = []

    def show(self, table: MergeTable, rows: tuple[MergedRow, ...]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._columns = table.columns[:_SHOWN_CELLS]
        self.rows = rows
        self.states = [RowState() for _ in rows]
        self.endResetModel()

    def changed(self, row: int) -> None:
        """Show a row again."""
        last = self.columnCount() - 1
        self.dataChanged.emit(self.index(row, 0), self.index(row, last))

    result_column = _FIRST + _OWN - 1
    """The column with the results."""

    def _cell_column(self, column: int) -> str | None:
        """Return the column of the table, None for one of the four beside them."""
        if column < _FIRST:
            return self._columns[column] if column < len(self._columns) else ""
        place = column - _OWN
        return self._columns[place] if place >= _FIRST else None

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else max(_FIRST, len(self._columns)) + _OWN

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Vertical:
            return str(self.rows[section].row.line)
        column = self._cell_column(section)
        if column is not None:
            return one_line(column, 40)
        own = (tr("State"), tr("Checks"), tr("Findings"), tr("Result"))
        return own[section - _FIRST]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(self._said(index.row(), index.column()), 200)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._said(index.row(), index.column()))
        if role == Qt.ItemDataRole.ForegroundRole:
            row, state = self.rows[index.row()], self.states[index.row()]
            own = index.column() - _FIRST
            if own == 0 and (row.error is not None or state.failed is not None):
                return severity_colour("error", QGuiApplication.palette())
            if own in (1, 2) and state.findings:
                return severity_colour("warning", QGuiApplication.palette())
        return None

    def copied(self, index: Index) -> str:
        """Return a cell for the clipboard; a result with the note that it needs."""
        text = self._said(index.row(), index.column())
        is_result = index.column() == self.result_column
        state = self.states[index.row()].review if is_result and text else ""
        return marked_text(text, state)

    def _said(self, row: int, column: int) -> str:
        merged, state = self.rows[row], self.states[row]
        name = self._cell_column(column)
        if name is not None:
            return merged.row.cells.get(name, "")
        match column - _FIRST:
            case 0:
                return self._status(merged, state)
            case 1 if state.findings is not None:
                count = len(state.findings)
                return tr("In order") if not count else tr("{n} to look at").format(n=count)
            case 2 if state.findings:
                return "; ".join(_line(each) for each in state.findings[:_SHOWN_FINDINGS])
            case 3:
                return state.text
        return ""

    @staticmethod
    def _status(merged: MergedRow, state: RowState) -> str:
        wrong = merged.error or state.failed
        return translated(wrong) if wrong is not None else state.status


def _line(finding: Finding) -> str:
    message, text = translated(finding.message), one_line(finding.text, 60)
    return message if not text or text in message else f"“{text}”: {message}"
