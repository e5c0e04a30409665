"""Mail merge: fill a form from the rows of a table, and write a text for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from studio.formats.untrusted_files import user_path
from studio.jobs.forms.form_request import FormUse
from studio.jobs.forms.merge import MergedRow, MergeTable, guessed_columns, merge, read_merge_table
from studio.protocol import Problem
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, enlarge, mute
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.buttons import PrimaryButton, dialog_button
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.forms.merge_model import MergeModel, RowState
from studio.ui.workspaces.text.forms.merge_view import MergeView

if TYPE_CHECKING:
    from studio.library.records import Asset, Job
    from studio.writing.facts.findings import Finding

WIDTH, HEIGHT = 124, 80
"""In multiples of `GRID`."""

_SUFFIXES = (".csv", ".tsv", ".jsonl", ".xlsx")


class MergeDialog(QDialog):
    """Object names: `merge.choose`, `.field.<name>`, `.start`, `.again`, `.stop`, `.export`, …

    Not modal. Jobs that were started continue after the dialog is closed. `options` are what the
    tab decides of the requests.
    """

    def __init__(
        self,
        state: AppState,
        use: FormUse,
        options: Mapping[str, Any],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("merge.dialog")
        self.setWindowTitle(self.tr("Mail merge"))
        self.setAcceptDrops(True)
        self._state = state
        self._use = use
        self._options = options
        self._table: MergeTable | None = None
        self._wanted = 0
        self._watch: JobWatch | None = None
        self._places: dict[str, int] = {}
        form = use.found.form
        title = plain_label(one_line(form.title, 80), self)
        enlarge(title)
        intro = plain_label(
            self.tr(
                "Choose a table (CSV, xlsx or JSONL), or drop one here. Each row becomes a text; "
                "fields without a column keep what is filled in the form."
            ),
            self,
        )
        intro.setWordWrap(True)
        mute(intro)
        choose = dialog_button(
            self.tr("Choose a table…"), "merge.choose", self._choose, self, "folder-open"
        )
        self.summary = TintedLabel(self)
        self.summary.setWordWrap(True)
        self.fields: dict[str, QComboBox] = {}
        self._mapping = ScrollColumn(self, fills=True)
        rows = QWidget()
        lines = QFormLayout(rows)
        lines.setContentsMargins(0, 0, GRID, 0)
        lines.setSpacing(GRID)
        lines.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        for field in form.fields:
            box = QComboBox(rows)
            box.setObjectName(f"merge.field.{field.name}")
            box.setAccessibleName(one_line(field.label, 80))
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.activated.connect(lambda _: self._merge())
            lines.addRow(plain_label(one_line(field.label, 80), rows), box)
            self.fields[field.name] = box
        self._mapping.add(rows)
        self._mapping.setFixedWidth(30 * GRID)
        self.model = MergeModel()
        self.view = MergeView(self.model, self)
        self.start = PrimaryButton(self.tr("Start"), "play", "merge.start", self)
        self.start.setAutoDefault(False)
        self.start.clicked.connect(self._start)
        self.again = dialog_button(
            self.tr("Only failed rows again"), "merge.again", self._again, self, "refresh-cw"
        )
        self.stop = dialog_button(self.tr("Stop"), "merge.stop", self._stop, self, "square")
        self.export = dialog_button(
            self.tr("Save the table…"), "merge.export", self._export, self, "download"
        )
        self.progress = TintedLabel(self)
        self.progress.setWordWrap(True)
        head, foot, middle = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        head.addWidget(choose)
        head.addWidget(self.summary, 1)
        middle.setSpacing(GRID)
        middle.addWidget(self._mapping)
        middle.addWidget(self.view, 1)
        foot.setSpacing(GRID)
        foot.addWidget(self.progress, 1)
        for button in (self.export, self.again, self.stop, self.start):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        for part in (title, intro):
            layout.addWidget(part)
        layout.addLayout(head)
        layout.addLayout(middle, 1)
        layout.addLayout(foot)
        screen = self.screen().availableSize()
        self.resize(min(WIDTH * GRID, screen.width()), min(HEIGHT * GRID, screen.height()))
        self._fill_boxes(())
        self._show_buttons()

    # ---- the table

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a table"),
            "",
            self.tr("Tables") + " (" + " ".join(f"*{suffix}" for suffix in _SUFFIXES) + ")",
        )
        if name:
            self.load(user_path(name))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, _dropped_tables)

    def dropEvent(self, event: QDropEvent) -> None:
        for file in accepted_paths(event, _dropped_tables)[:1]:
            self.load(file)

    def load(self, file: Path) -> None:
        """Read a table on another thread."""
        if self._is_running:
            return
        self._wanted += 1
        wanted = self._wanted
        self.summary.show_text(self.tr("Reading {name}…").format(name=file.name))

        def show(table: MergeTable) -> None:
            if wanted == self._wanted:
                self._table = table
                self._fill_boxes(table.columns)
                self._merge()

        def failed(problem: Problem) -> None:
            if wanted == self._wanted:
                self.summary.show_text(translated(problem.message), "error")

        self._state.background.read(self, lambda: read_merge_table(file), show, failed)

    def _fill_boxes(self, columns: Sequence[str]) -> None:
        guessed = guessed_columns(self._use.found.form, columns)
        for name, box in self.fields.items():
            box.clear()
            value = one_line(self._use.values.get(name, ""), 40)
            box.addItem(
                self.tr("As in the form: {value}").format(value=value)
                if value
                else self.tr("Empty"),
                "",
            )
            for column in columns:
                box.addItem(one_line(column, 60), column)
            box.setCurrentIndex(max(0, box.findData(guessed.get(name, ""))))
            box.setEnabled(bool(columns))

    def _columns(self) -> dict[str, str]:
        chosen = {name: box.currentData() for name, box in self.fields.items()}
        return {name: column for name, column in chosen.items() if column}

    def _merge(self) -> None:
        table, use, options = self._table, self._use, self._options
        if table is None or self._is_running:
            return
        self._wanted += 1
        wanted, columns = self._wanted, self._columns()

        def show(rows: tuple[MergedRow, ...]) -> None:
            if wanted == self._wanted:
                self.model.show(table, rows)
                self._places = {}
                self._show_summary()
                self._fit_columns()

        self._state.background.read(
            self, lambda: merge(table, use, columns, options), show, self._state.problem.emit
        )

    def _fit_columns(self) -> None:
        for column in range(self.model.columnCount()):
            is_last = column == self.model.result_column
            self.view.setColumnWidth(column, (40 if is_last else 15) * GRID)

    def _show_summary(self) -> None:
        rows = self.model.rows
        wrong = sum(row.error is not None for row in rows)
        said = self.tr("{count} rows") if len(rows) != 1 else self.tr("1 row")
        text = said.format(count=f"{len(rows):,}")
        if wrong:
            text += ". " + self.tr(
                "{n} of them cannot be written; the reason is in the table."
            ).format(n=f"{wrong:,}")
        self.summary.show_text(text, "warning" if wrong else None)
        self.progress.show_text("")
        self._show_buttons()

    # ---- writing

    @property
    def _is_running(self) -> bool:
        return self._watch is not None and not self._watch.is_over

    def _start(self) -> None:
        places = [
            place
            for place, row in enumerate(self.model.rows)
            if row.request is not None and not self.model.states[place].asset
        ]
        for place in places:
            self.model.states[place] = RowState()
        requests = [row.request for row in (self.model.rows[p] for p in places) if row.request]
        self._submit(places, requests, [self.model.rows[place].labels for place in places])

    def _again(self) -> None:
        """Write the rows that failed again; the model is told what is wrong with its text."""
        from studio.jobs.forms.form_request import ATTEMPT, next_attempt, use_of_labels
        from studio.writing.forms.form_folders import Brands, Forms

        found = self._use.found
        forms = Forms((found,), ())
        brand = self._use.brand
        brands = Brands({self._use.brand_name: brand} if brand is not None else {}, ())
        places, requests, labels = [], [], []
        for place, (row, state) in enumerate(zip(self.model.rows, self.model.states, strict=True)):
            if row.request is None or not state.needs_another:
                continue
            request = row.request
            attempt = state.attempt
            use = use_of_labels(row.labels, forms, brands)
            if state.findings and use is not None:
                request = next_attempt(use, request, state.seed, state.text)
                attempt += 1
            places.append(place)
            requests.append(request)
            labels.append({**row.labels, ATTEMPT: str(attempt)})
            self.model.states[place] = RowState(attempt=attempt)
        self._submit(places, requests, labels)

    def _submit(
        self, places: Sequence[int], requests: Sequence[Any], labels: Sequence[dict[str, str]]
    ) -> None:
        if not places or self._is_running:
            return
        for place in places:
            self.model.states[place].status = self.tr("Waiting")
            self.model.changed(place)
        batch = f"merge-{urandom(8).hex()}"
        token = self._state.submit(requests, batch=batch, labels=labels)
        watch = self._watch = JobWatch(self._state, self, token=token)

        def enqueued(jobs: Sequence[Job]) -> None:
            self._places = {job.id: place for job, place in zip(jobs, places, strict=True)}
            self._show_progress()

        watch.enqueued.connect(enqueued)
        watch.refused.connect(lambda _: self._refused(places))
        watch.changed.connect(self._job_changed)
        watch.saved.connect(self._saved)
        watch.ended.connect(self._ended)
        self._show_buttons()

    def _refused(self, places: Sequence[int]) -> None:
        for place in places:
            self.model.states[place].status = ""
            self.model.changed(place)
        self._show_buttons()

    def _job_changed(self, job: Job) -> None:
        place = self._places.get(job.id)
        if place is not None and job.status == "running":
            self.model.states[place].status = self.tr("Writing…")
            self.model.changed(place)

    def _saved(self, asset: Asset) -> None:
        place = self._places.get(asset.job)
        if place is None:
            return
        from studio.writing.forms.readable import readable

        state = self.model.states[place]
        state.asset, state.text, state.seed = asset.id, readable(asset.text), asset.recipe.seed
        state.review = asset.review_state
        use = self._use
        values = {
            name: value
            for name, value in asset.recipe.labels.items()
            if use.found.form.field(name) is not None
        }
        own, text = FormUse(use.found, values, use.brand, use.brand_name), asset.text

        def show(findings: tuple[Finding, ...]) -> None:
            if state.asset == asset.id:
                state.findings = findings
                self.model.changed(place)
                self._show_buttons()

        self._state.background.read(
            self, lambda: own.check(text).findings, show, self._state.problem.emit
        )

    def _ended(self, end: Ended) -> None:
        place = self._places.get(end.job)
        if place is None:
            return
        state = self.model.states[place]
        if end.problem is not None:
            state.failed = end.problem.message
        state.status = self.tr("Done") if state.asset else self.tr("Stopped")
        self.model.changed(place)
        self._show_progress()

    def _show_progress(self) -> None:
        watch = self._watch
        if watch is not None:
            said = self.tr("{done} of {count} rows written")
            self.progress.show_text(
                said.format(done=f"{watch.ended_jobs:,}", count=f"{len(watch.jobs):,}")
            )
        self._show_buttons()

    def _show_buttons(self) -> None:
        running = self._is_running
        rows, states = self.model.rows, self.model.states
        waiting = any(
            row.request is not None and not state.asset
            for row, state in zip(rows, states, strict=True)
        )
        self.start.setEnabled(waiting and not running)
        self.again.setVisible(not running and any(each.needs_another for each in states))
        self.stop.setVisible(running)
        self.export.setEnabled(any(each.asset for each in states))

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    # ---- the table of results

    def _export(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the table"))
        dialog.setObjectName("merge.save")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        filters = {self.tr("CSV (*.csv)"): "csv", self.tr("Excel workbook (*.xlsx)"): "xlsx"}
        dialog.setNameFilters(list(filters))
        dialog.setDefaultSuffix("csv")
        dialog.filterSelected.connect(lambda name: dialog.setDefaultSuffix(filters[name]))
        dialog.fileSelected.connect(lambda name: self.save_table(user_path(name)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def save_table(self, path: Path) -> None:
        """Write the table with columns for the results, the checks and the review."""
        table = self._table
        if table is None:
            return
        from studio.ui.workspaces.text.forms.merge_file import write_merged

        rows = [
            (
                row,
                RowState(
                    state.status,
                    state.text,
                    state.asset,
                    findings=state.findings,
                    failed=state.failed,
                    review=state.review,
                ),
            )
            for row, state in zip(self.model.rows, self.model.states, strict=True)
        ]
        library = self._state.library

        def write() -> None:
            # A person may have decided since.
            ids = [state.asset for _, state in rows if state.asset]
            states = library.assets.review_states(ids) if library is not None else {}
            for _, state in rows:
                state.review = states.get(state.asset, state.review)
            write_merged(path, table, rows)

        self._state.background.long(
            self,
            write,
            lambda _: self._state.show_message(
                tr("The table was saved as {path}.").format(path=path), "success"
            ),
            self._state.problem.emit,
        )


def _dropped_tables(data: QMimeData) -> list[Path]:
    return [path for path in dropped_paths(data) if path.suffix.lower() in _SUFFIXES]
