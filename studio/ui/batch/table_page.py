"""The table page of the batch dialog: a CSV, JSONL or xlsx file of requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.formats.text_encoding import ENCODINGS
from studio.kinds.registry import tasks
from studio.protocol import Problem
from studio.ui.batch.plan import Plan
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import plain_label

if TYPE_CHECKING:
    from studio.jobs.table import Table
    from studio.jobs.table_cells import RowError
    from studio.models.registry import Registry

_SUFFIXES = (".csv", ".tsv", ".jsonl", ".xlsx")
_PREVIEWED = 500
"""Characters of the first row."""


class TablePage(QWidget):
    """Checks the whole table, then shows the number of rows or all errors by line and column."""

    planned = Signal(object)
    """A `Plan`, or None while there is nothing to run."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._file = Path()
        self.setAcceptDrops(True)
        intro = plain_label(
            self.tr(
                "Choose a CSV, JSONL or Excel (.xlsx) file, or drop one here. Each row is a"
                " request: its column “task” is one of {tasks}, the other columns set its fields."
            ).format(tasks=", ".join(tasks())),
            self,
        )
        intro.setWordWrap(True)
        mute(intro)
        self.choose = QPushButton(icon("folder-open"), self.tr("Choose a table…"), self)
        self.choose.setObjectName("batch.choose")
        self.choose.clicked.connect(self._choose)
        self.summary = plain_label(parent=self)
        self.summary.setObjectName("batch.table.summary")
        self.summary.setWordWrap(True)
        title = plain_label(self.tr("Encoding"), self)
        self.encoding = QComboBox(self)
        self.encoding.setObjectName("batch.encoding")
        title.setBuddy(self.encoding)
        self.encoding.addItem(self.tr("Detect"), "")
        for encoding, name in ENCODINGS.items():
            self.encoding.addItem(name, encoding)
        self.encoding.activated.connect(self._encoding_chosen)
        self.preview = StatusLine(self)
        self.preview.setObjectName("batch.table.preview")
        self.preview.setAccessibleName(self.tr("The first row"))
        self._encoding_row = QWidget(self)
        self._encoding_row.hide()
        encoding_row = QHBoxLayout(self._encoding_row)
        encoding_row.setContentsMargins(0, 0, 0, 0)
        encoding_row.addWidget(title)
        encoding_row.addWidget(self.encoding)
        encoding_row.addWidget(self.preview, 1)
        self.errors = QPlainTextEdit(self)
        break_long_words(self.errors)
        self.errors.setObjectName("batch.table.errors")
        self.errors.setAccessibleName(self.tr("Errors in the table"))
        self.errors.setReadOnly(True)
        self.errors.hide()
        row = QHBoxLayout()
        row.addWidget(self.choose)
        row.addWidget(self.summary, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(intro)
        layout.addLayout(row)
        layout.addWidget(self._encoding_row)
        layout.addWidget(self.errors, 1)
        layout.addStretch()

    def load(self, file: Path) -> None:
        """Read and check a table on another thread, in the encoding that is detected."""
        self.encoding.setCurrentIndex(0)
        self.encoding.setItemText(0, self.tr("Detect"))
        self._load(file, "")

    def _load(self, file: Path, encoding: str) -> None:
        self._file = file
        self.planned.emit(None)
        self.errors.hide()
        self.preview.set_text("")
        self.summary.setText(self.tr("Checking {name}…").format(name=file.name))

        def is_wanted() -> bool:
            return self._file == file and self.encoding.currentData() == encoding

        def done(table: Table) -> None:
            if is_wanted():
                self._show(table)

        def failed(problem: Problem) -> None:
            if is_wanted():
                self._encoding_row.show()
                self.summary.setText(translated(problem.message))

        self._state.read_models(lambda registry: _checked(file, registry, encoding), done, failed)

    def _encoding_chosen(self, _: int) -> None:
        self._load(self._file, self.encoding.currentData())

    def _show(self, table: Table) -> None:
        self._show_encoding(table)
        if table.errors:
            lines = [self._line(error) for error in sorted(table.errors, key=lambda e: e.line)]
            self.errors.setPlainText("\n".join(lines))
            self.errors.show()
            self.summary.setText(
                (
                    self.tr("{name}: 1 error. Fix it before you start the batch.")
                    if len(table.errors) == 1
                    else self.tr("{name}: {count} errors. Fix them before you start the batch.")
                ).format(name=self._file.name, count=len(table.errors))
            )
            return
        self.summary.setText(
            (
                self.tr("{name}: 1 row, no errors.")
                if len(table.rows) == 1
                else self.tr("{name}: {count} rows, no errors.")
            ).format(name=self._file.name, count=len(table.rows))
        )
        requests = tuple(row.request for row in table.rows)
        labels = tuple({**row.labels, "line": str(row.line)} for row in table.rows)
        self.planned.emit(Plan(requests, labels))

    def _show_encoding(self, table: Table) -> None:
        """Show the encoding that was detected, and the first row, by which it can be checked."""
        if not self.encoding.currentData():
            name = ENCODINGS.get(table.encoding, table.encoding)
            if table.encoding_is_certain:
                detected = self.tr("Detected: {name}").format(name=name)
            else:
                detected = self.tr("Not certain: {name}").format(name=name)
            self.encoding.setItemText(0, detected)
        self.preview.set_text(" | ".join(table.first_cells)[:_PREVIEWED])
        self._encoding_row.setVisible(bool(table.encoding))

    def _line(self, error: RowError) -> str:
        if error.column:
            return self.tr("Line {line}, {column}: {message}").format(
                line=error.line, column=error.column, message=translated(error.message)
            )
        return self.tr("Line {line}: {message}").format(
            line=error.line, message=translated(error.message)
        )

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a table"),
            "",
            self.tr("Tables") + " (*.csv *.tsv *.jsonl *.xlsx)",
        )
        if name:
            self.load(Path(name))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, _dropped_tables)

    def dropEvent(self, event: QDropEvent) -> None:
        for file in accepted_paths(event, _dropped_tables)[:1]:
            self.load(file)


def _dropped_tables(data: QMimeData) -> list[Path]:
    return [path for path in dropped_paths(data) if path.suffix.lower() in _SUFFIXES]


def _checked(file: Path, registry: Registry, encoding: str) -> Table:
    """Read a table; its errors include models and input files that do not exist."""
    from studio.jobs.table import input_errors, model_errors, read_table

    table = read_table(file, encoding)
    errors = [*table.errors, *model_errors(table, registry), *input_errors(table)]
    return replace(table, errors=tuple(errors))
