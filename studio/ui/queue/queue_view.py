"""The queue dock: what runs, what waits, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import QColor, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.library.records import Job
from studio.protocol import Done, Progress
from studio.ui.queue.queue_model import FRACTION_ROLE, JOB_ROLE, STATUS_ROLE, QueueModel
from studio.ui.state import AppState
from studio.ui.theme import GRID, kind_colour, mute
from studio.ui.widgets.icons import icon
from studio.ui.widgets.two_line_delegate import Index, TwoLineDelegate

LISTED = 200
"""Jobs that are listed at most; the rest are only counted."""

ENDED_LISTED = 20

_PICTURES = {
    "queued": "clock",
    "running": "circle-play",
    "done": "circle-check",
    "failed": "circle-alert",
    "cancelled": "circle-x",
    "interrupted": "triangle-alert",
}


class _Rows(TwoLineDelegate):
    def picture(self, index: Index) -> QIcon | QPixmap | None:
        job: Job = index.data(JOB_ROLE)
        return icon(_PICTURES[job.status])

    def second(self, index: Index) -> str:
        return str(index.data(STATUS_ROLE))

    def second_colour(self, index: Index, palette: QPalette) -> QColor:
        job: Job = index.data(JOB_ROLE)
        if job.status == "failed":
            return kind_colour("error", palette)
        return super().second_colour(index, palette)

    def fraction(self, index: Index) -> float | None:
        found = index.data(FRACTION_ROLE)
        return None if found is None else float(found)


class QueueView(QWidget):
    """Object names: `queue.view`, `queue.pause`, `queue.cancel`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.model = QueueModel(self)
        self.view = QListView(self)
        self.view.setObjectName("queue.view")
        self.view.setAccessibleName(self.tr("Queue"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Rows(20, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.doubleClicked.connect(self._opened)
        self.pause = QPushButton(self.tr("Pause"), self)
        self.pause.setObjectName("queue.pause")
        self.pause.setCheckable(True)
        self.pause.setIcon(icon("pause"))
        self.pause.setAccessibleName(self.tr("Pause"))
        self.pause.setToolTip(self.tr("Start no new job after the current one"))
        self.pause.clicked.connect(self._pause)
        self.cancel = QPushButton(self.tr("Cancel"), self)
        self.cancel.setObjectName("queue.cancel")
        self.cancel.setIcon(icon("circle-x"))
        self.cancel.setAccessibleName(self.tr("Cancel"))
        self.cancel.setToolTip(self.tr("Cancel the chosen job, or the one that runs"))
        self.cancel.clicked.connect(self._cancel)
        self._empty = QLabel(self.tr("Nothing is waiting."), self.view)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        mute(self._empty)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.pause, 1)
        row.addWidget(self.cancel, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.view, 1)
        layout.addLayout(row)
        state.jobs_changed.connect(self.refresh)
        state.reported.connect(self._hear)
        self._show_buttons()

    def refresh(self) -> None:
        """Look at the library's queue again, on another thread."""
        library = self._state.library
        if library is None:
            return

        def look() -> tuple[list[Job], bool]:
            active = library.jobs("running") + library.jobs("queued", limit=LISTED)
            ended = [
                job for job in library.jobs(limit=LISTED) if job.status not in ("running", "queued")
            ]
            ended.sort(key=lambda job: job.number, reverse=True)
            return active + ended[:ENDED_LISTED], library.is_paused

        self._state.background.read(self, look, self._show, self._state.problem.emit)

    # ---- inside

    def _show(self, found: tuple[list[Job], bool]) -> None:
        jobs, paused = found
        chosen = self.model.job(self.view.currentIndex())
        self.model.set_jobs(jobs)
        if chosen is not None and (row := self.model.row_of(chosen.id)) >= 0:
            self.view.selectionModel().setCurrentIndex(
                self.model.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
        self.pause.setChecked(paused)
        self._show_buttons()

    def _show_buttons(self) -> None:
        running, waiting = self.model.counts()
        self._empty.setVisible(self.model.rowCount() == 0)
        self.cancel.setEnabled(running + waiting > 0)
        paused = self.pause.isChecked()
        self.pause.setText(self.tr("Go on") if paused else self.tr("Pause"))
        self.pause.setIcon(icon("play" if paused else "pause"))

    def _hear(self, report: object) -> None:
        if isinstance(report, Progress):
            self.model.set_progress(report.job, report.step, report.steps, report.seconds_left)
        elif isinstance(report, Done):
            self.model.set_progress(report.job, 1, 1, None)

    def _pause(self, paused: bool) -> None:
        self._state.pause(paused)
        self._show_buttons()

    def _cancel(self) -> None:
        chosen = self.model.job(self.view.currentIndex())
        if chosen is not None and chosen.status in ("running", "queued"):
            self._state.cancel(chosen.id)
        elif running := self._state.worker.running_job:
            self._state.cancel(running)

    def _opened(self, index: QModelIndex) -> None:
        job = self.model.job(index)
        if job is not None:
            self._state.restore_wanted.emit(job.request)

    def _menu(self, place: QPoint) -> None:
        job = self.model.job(self.view.indexAt(place))
        if job is None:
            return
        state = self._state
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if job.status in ("running", "queued"):
            menu.addAction(icon("circle-x"), self.tr("Cancel"), lambda: state.cancel(job.id))
        if job.status == "interrupted":
            menu.addAction(
                icon("circle-play"),
                self.tr("Run what is missing"),
                lambda: state.change_jobs(lambda library: library.resume(job.id)),
            )
        if job.status in ("failed", "cancelled", "interrupted"):
            menu.addAction(
                icon("refresh-cw"),
                self.tr("Try again"),
                lambda: state.change_jobs(lambda library: library.retry(job.id)),
            )
        menu.addAction(
            icon("sliders-horizontal"),
            self.tr("Use these settings"),
            lambda: state.restore_wanted.emit(job.request),
        )
        if job.status not in ("running", "queued"):
            menu.addAction(
                icon("x"),
                self.tr("Remove from the list"),
                lambda: state.change_jobs(lambda library: library.remove(job.id)),
            )
        menu.popup(self.view.viewport().mapToGlobal(place))
