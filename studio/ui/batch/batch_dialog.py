"""The batch dialog: one page per source of jobs, an estimate, and a Start button."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from studio.kinds.kind import Medium
from studio.kinds.registry import kinds
from studio.library.review import marked_name, worst_state
from studio.protocol import Problem, Request
from studio.ui.batch.matrix_page import MatrixPage
from studio.ui.batch.plan import Plan, what_is_made
from studio.ui.batch.plan_preview import PlanPreview
from studio.ui.batch.prompt_page import PromptPage
from studio.ui.batch.table_page import TablePage
from studio.ui.batch.taken_along import TakenAlong
from studio.ui.gallery.contact_sheets import show_sheets
from studio.ui.gallery.review_states import short_note
from studio.ui.shell.job_watch import JobWatch
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import PrimaryButton
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.times import rough_duration_text

if TYPE_CHECKING:
    from studio.jobs.contact_sheet import Picture
    from studio.library.records import Asset


class BatchDialog(QDialog):
    """Not modal. Jobs that were started continue after the dialog is closed.

    `base` returns the request whose prompt and values the batch replaces.
    """

    def __init__(
        self,
        state: AppState,
        task: str,
        base: Callable[[], Request],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._plans: dict[int, Plan | None] = {}
        self._watch: JobWatch | None = None
        self._batch = ""
        self._axes: tuple[str, ...] = ()
        self._pictures: list[Picture] = []
        self._states: set[str] = set()
        self.setObjectName("batch.dialog")
        self.setWindowTitle(self.tr("Batch"))
        self.resize(96 * GRID, 80 * GRID)
        kind = kinds()[task]
        self._base = base
        self._seen_base = base()
        self.taken = TakenAlong(kind, base, self)
        self.table = TablePage(state, self)
        self.prompts = PromptPage(state, kind, self.taken.request, self)
        self.matrix = MatrixPage(kind, self.taken.request, self)
        self.pages = QTabWidget(self)
        self.pages.setObjectName("batch.pages")
        self.pages.setAccessibleName(self.tr("Ways to make a batch"))
        titles = (self.tr("From a table"), self.tr("From the prompt"), self.tr("Matrix"))
        pages: tuple[TablePage | PromptPage | MatrixPage, ...] = (
            self.table,
            self.prompts,
            self.matrix,
        )
        for index, (page, title) in enumerate(zip(pages, titles, strict=True)):
            self.pages.addTab(page, title)
            page.planned.connect(partial(self._planned, index))
        self.preview = PlanPreview(self)
        self.what = plain_label(parent=self)
        self.what.setObjectName("batch.what")
        self.what.setWordWrap(True)
        self.estimate = plain_label(parent=self)
        self.estimate.setObjectName("batch.estimate")
        self.estimate.setWordWrap(True)
        mute(self.estimate)
        self.sheet = QPushButton(self.tr("Make a contact sheet"), self)
        self.sheet.setObjectName("batch.sheet")
        self.sheet.setEnabled(False)
        self.sheet.clicked.connect(self._make_sheet)
        self.start = PrimaryButton(self.tr("Start"), "play", "batch.start", self)
        self.start.setEnabled(False)
        self.start.clicked.connect(self._start)
        said = QVBoxLayout()
        said.setSpacing(0)
        said.addWidget(self.what)
        said.addWidget(self.estimate)
        row = QHBoxLayout()
        row.addLayout(said, 1)
        row.addWidget(self.sheet)
        row.addWidget(self.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.preview, 1)
        layout.addWidget(self.taken)
        layout.addLayout(row)
        self.pages.currentChanged.connect(self._page_changed)
        self.taken.changed.connect(lambda: self._page_changed(self.pages.currentIndex()))
        self._show_taken(0)

    def changeEvent(self, event: QEvent) -> None:
        """Plan again if the tab was changed while the dialog was open."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            base = self._base()
            if base != self._seen_base:
                self._seen_base = base
                self._page_changed(self.pages.currentIndex())

    def _page_changed(self, index: int) -> None:
        if index == 1:
            self.prompts.update_plan()
        elif index == 2:
            self.matrix.update_plan()
        self._planned(index, self._plans.get(index))

    def _show_taken(self, index: int) -> None:
        # A table says everything itself.
        self.taken.setVisible(index != 0)
        if index == 1:
            self.taken.show_for(("prompt",))
        elif index == 2:
            self.taken.show_for(self.matrix.varied())

    def _planned(self, index: int, plan: Plan | None) -> None:
        self._plans[index] = plan
        if index != self.pages.currentIndex():
            return
        self._show_taken(index)
        self.preview.show_plan(plan)
        self.what.setText("" if plan is None else what_is_made(plan))
        self.start.setEnabled(plan is not None and not self._is_enqueuing)
        if self._is_running:
            return
        self.estimate.clear()
        library, memory = self._state.library, self._state.memory
        if plan is None or library is None:
            return
        device = memory.device if memory is not None else ""

        def seconds() -> float | None:
            from studio.jobs.estimate import build_estimator, queue_seconds

            estimator = build_estimator(library, self._state.open_registry(), device)
            own, before = estimator.batch_seconds(plan.requests), queue_seconds(library, estimator)
            return None if own is None or before is None else own + before

        def show(total: float | None) -> None:
            from studio.jobs.estimate import finished_at

            current = self._plans.get(self.pages.currentIndex())
            if current is not plan or self._is_running:
                return
            if total is None:
                self.estimate.setText(self.tr("How long it takes is not known yet."))
            else:
                self.estimate.setText(
                    self.tr("About {time}, finished at about {clock}").format(
                        time=rough_duration_text(total), clock=finished_at(total, datetime.now())
                    )
                )

        self._state.background.read(self, seconds, show, self._state.problem.emit)

    def _start(self) -> None:
        plan = self._plans.get(self.pages.currentIndex())
        if plan is None or self._is_enqueuing:
            return
        self.start.setEnabled(False)
        self.sheet.setEnabled(False)
        self._batch = f"batch-{urandom(12).hex()}"
        self._axes = plan.axes
        self._pictures = []
        self._states = set()
        if self._watch is not None:
            self._watch.close()
        token = self._state.submit(plan.requests, batch=self._batch, labels=plan.labels)
        self._watch = JobWatch(self._state, self, token=token)
        self._watch.enqueued.connect(self._show_progress)
        self._watch.refused.connect(self._refused)
        self._watch.saved.connect(self._saved)
        self._watch.ended.connect(self._show_progress)
        self.estimate.setText(self.tr("Adding the jobs to the queue…"))

    @property
    def _is_running(self) -> bool:
        """Whether a batch was started that has not ended."""
        return self._watch is not None and not self._watch.is_over

    @property
    def _is_enqueuing(self) -> bool:
        """Whether a batch was started whose jobs are not in the queue yet."""
        return self._watch is not None and not self._watch.is_over and not self._watch.jobs

    def _refused(self, _: Problem) -> None:
        self.estimate.clear()
        self.start.setEnabled(True)

    def _saved(self, asset: Asset) -> None:
        from studio.jobs.contact_sheet import Picture

        if self._watch is not None and asset.medium is Medium.PICTURE:
            labels = self._watch.jobs[asset.job].labels
            note = short_note(asset.review_state)
            self._pictures.append(Picture(asset.path, labels, note))
            self._states.add(asset.review_state)

    def _show_progress(self, _: object) -> None:
        watch = self._watch
        if watch is None:
            return
        self.estimate.setText(
            self.tr("{done} of {count} jobs finished").format(
                done=watch.ended_jobs, count=len(watch.jobs)
            )
        )
        self.sheet.setEnabled(watch.is_over and bool(self._pictures))
        planned = self._plans.get(self.pages.currentIndex()) is not None
        self.start.setEnabled(watch.is_over and planned)

    def _make_sheet(self) -> None:
        pictures, axes = tuple(self._pictures), self._axes
        name = marked_name(f"contact-sheet-{self._batch[6:14]}.png", worst_state(self._states))
        target = pictures[0].path.parent / name
        self.sheet.setEnabled(False)

        def work() -> Path:
            from studio.jobs.contact_sheet import make_sheet

            return make_sheet(pictures, axes, target)

        def done(path: Path) -> None:
            self.sheet.setEnabled(True)
            self._state.show_message(
                self.tr("The contact sheet is saved as {name}.").format(name=path.name), "success"
            )
            self._state.sheets_changed.emit()
            show_sheets([path], self._state, self)

        def failed(problem: Problem) -> None:
            self.sheet.setEnabled(True)
            self._state.problem.emit(problem)

        self._state.background.long(self, work, done, failed)
