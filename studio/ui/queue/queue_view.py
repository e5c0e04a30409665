"""The queue: the list of jobs, buttons, and the remaining time."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.library.records import Job
from studio.protocol import Done, JobStatus, Progress
from studio.ui.queue.queue_actions import QueueActions
from studio.ui.queue.queue_list import QueueList
from studio.ui.queue.queue_menu import fill_menu, fill_more
from studio.ui.queue.queue_model import QueueModel
from studio.ui.queue.summary import queue_line, summary
from studio.ui.shell.estimates import estimates_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label

if TYPE_CHECKING:
    from studio.jobs.backlog import Backlog, RemainingTime
    from studio.library.store import Library

LISTED = 200
"""Maximum number of waiting jobs in the list; the others are only counted."""

ENDED_LISTED = 20

ESTIMATE_DELAY_MS = 400
"""Delay before the remaining time is estimated, which combines changes in quick succession."""

_IN_LIST = Qt.ShortcutContext.WidgetShortcut


class _Listed(Struct, frozen=True):
    """The queue as read from the library. `first_unlisted` is the id of a waiting job."""

    jobs: list[Job]
    first_unlisted: str | None
    counts: dict[JobStatus, int]
    paused: bool


class QueueView(QWidget):
    """Object names: `queue.view`, `queue.pause`, `queue.cancel`, `queue.more`, `queue.summary`,
    `queue.finished`.
    """

    line_changed = Signal(str, str)
    """The text and the icon of the line at the bottom of the window."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._counts: dict[JobStatus, int] = {}
        self._backlog: Backlog | None = None
        self._lock = threading.Lock()
        self._left: RemainingTime | None = None
        self._seconds_left: dict[str, float] = {}
        self._total_seconds: dict[str, float] = {}
        self._estimate_timer = QTimer(self)
        self._estimate_timer.setSingleShot(True)
        self._estimate_timer.setInterval(ESTIMATE_DELAY_MS)
        self._estimate_timer.timeout.connect(self._estimate)
        self.queue_actions = QueueActions(state, self)
        self.model = QueueModel(self)
        self.model.moved.connect(self.queue_actions.move)
        self.view = QueueList(self)
        self.view.setModel(self.model)
        self.view.setMinimumHeight(7 * GRID)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.doubleClicked.connect(self._opened)
        self.view.selectionModel().selectionChanged.connect(self._show_buttons)
        self._make_shortcuts()
        self.pause = QPushButton(self.tr("Pause"), self)
        self.pause.setObjectName("queue.pause")
        self.pause.setCheckable(True)
        self.pause.setIcon(icon("pause"))
        self.pause.setAccessibleName(self.tr("Pause"))
        self.pause.setToolTip(self.tr("Do not start another job after the current one"))
        self.pause.clicked.connect(self._pause)
        self.cancel = QPushButton(self.tr("Cancel"), self)
        self.cancel.setObjectName("queue.cancel")
        self.cancel.setIcon(icon("circle-x"))
        self.cancel.setAccessibleName(self.tr("Cancel"))
        self.cancel.setToolTip(self.tr("Cancel the selected jobs, or the running one"))
        self.cancel.clicked.connect(self._cancel)
        self._empty = plain_label(self.tr("The queue is empty."), self.view)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        mute(self._empty)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        self.summary = plain_label(parent=self)
        self.summary.setObjectName("queue.summary")
        self.summary.setAccessibleName(self.tr("Remaining time"))
        self.summary.setWordWrap(True)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        # Always reserve two lines, so that the layout does not jump.
        self.summary.setMinimumHeight(2 * self.summary.fontMetrics().lineSpacing())
        mute(self.summary)
        self.finished = QPushButton(self)
        self.finished.setObjectName("queue.finished")
        self.finished.setFlat(True)
        self.finished.setCheckable(True)
        self.finished.toggled.connect(self._fold)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.pause, 1)
        row.addWidget(self.cancel, 1)
        row.addWidget(self._more_button())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.finished, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.summary)
        layout.addLayout(row)
        state.jobs_changed.connect(self.refresh)
        state.reports.progress.connect(self._job_progressed)
        state.reports.done.connect(self._job_done)
        estimates_of(state).changed.connect(self._estimate)
        self.line = self._line()
        self._show_buttons()

    def refresh(self) -> None:
        """Read the queue again on another thread and update the list."""
        library = self._state.library
        if library is None:
            return

        def read() -> _Listed:
            waiting = library.queue.list("queued", limit=LISTED + 1)
            return _Listed(
                [
                    *library.queue.list("running"),
                    *waiting[:LISTED],
                    *library.queue.ended(ENDED_LISTED),
                ],
                waiting[LISTED].id if len(waiting) > LISTED else None,
                library.queue.counts(),
                library.queue.is_paused,
            )

        self._state.background.read(self, read, self._show, self._state.problem.emit)

    def chosen(self) -> list[Job]:
        """Return the selected jobs in the order of the list."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        return [job for row in rows if (job := self.model.job(self.model.index(row))) is not None]

    def step(self, by: int) -> None:
        """Move the selected waiting jobs up (−1) or down (1) by one place, as one block."""
        ids = [job.id for job in self.chosen() if job.status == "queued"]
        order = [job.id for job in self.model.waiting()]
        if not ids:
            return
        others = [job for job in order if job not in ids]
        row = len([job for job in order[: order.index(ids[0])] if job not in ids]) + by
        if 0 <= row <= len(others):
            self.model.move_waiting(ids, others[row] if row < len(others) else None)

    # ---- private

    def _make_shortcuts(self) -> None:
        for keys, act in (
            ("Alt+Up", lambda: self.step(-1)),
            ("Alt+Down", lambda: self.step(1)),
            (QKeySequence(QKeySequence.StandardKey.Delete), self._delete),
        ):
            # The constructor ignores its context argument (PySide6 6.11).
            shortcut = QShortcut(QKeySequence(keys), self.view, act)
            shortcut.setContext(_IN_LIST)

    def _more_button(self) -> QToolButton:
        self.more = tool_button("ellipsis", self.tr("More"), "queue.more", self)
        menu = QMenu(self.more)

        def fill() -> None:
            menu.clear()
            fill_more(menu, self.queue_actions, self._counts)

        menu.aboutToShow.connect(fill)
        self.more.setMenu(menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return self.more

    def _show(self, found: _Listed) -> None:
        self.model.set_jobs(found.jobs, found.first_unlisted)
        self._fold()
        self._counts = found.counts
        self.pause.setChecked(found.paused)
        self._show_buttons()
        self._show_summary()
        if not self._estimate_timer.isActive():
            self._estimate_timer.start()

    def _estimate(self) -> None:
        """Estimate the remaining time of the whole queue, including jobs that are not listed."""
        library = self._state.library
        if library is not None:
            estimates_of(self._state).read(
                self, lambda known: self._backlog_of(library).remaining(known), self._show_left
            )

    def _backlog_of(self, library: Library) -> Backlog:
        from studio.jobs.backlog import Backlog

        with self._lock:
            if self._backlog is None:
                self._backlog = Backlog(library)
            return self._backlog

    def _show_left(self, left: RemainingTime) -> None:
        self._left = left
        self._seconds_left = {
            job: seconds for job, seconds in self._seconds_left.items() if job in left.running
        }
        # Keep the first estimate of a job: later ones exclude the rows made in the meantime.
        known = {job: seconds for job, seconds in left.running.items() if seconds is not None}
        self._total_seconds = {
            job: self._total_seconds.get(job, seconds) for job, seconds in known.items()
        }
        self._show_summary()

    def _note_progress(self, report: Progress) -> None:
        left = report.seconds_left
        total = self._total_seconds.get(report.job)
        if left is None and total is not None and report.steps:
            left = total * (1 - report.step / report.steps)
        if left is not None:
            self._seconds_left[report.job] = left
            self._show_summary()

    def _fold(self) -> None:
        """Hide the jobs that are done, unless they are asked for."""
        done = 0
        for row in range(self.model.rowCount()):
            job = self.model.job(self.model.index(row))
            is_done = job is not None and job.status == "done"
            done += is_done
            hidden = is_done and not self.finished.isChecked()
            if self.view.isRowHidden(row) != hidden:
                self.view.setRowHidden(row, hidden)
        self.finished.setVisible(done > 0)
        self.finished.setText(self.tr("Finished: {n}").format(n=done))
        self.finished.setIcon(
            icon("chevron-down" if self.finished.isChecked() else "chevron-right")
        )
        self._empty.setVisible(self.model.rowCount() == done and not self.finished.isChecked())

    def _line(self) -> tuple[str, str]:
        """Return the text and the icon of the line at the bottom of the window."""
        running = self._counts.get("running", 0)
        waiting = self._counts.get("queued", 0)
        paused = self.pause.isChecked()
        left, now = self._left, datetime.now()
        text = queue_line(running, waiting, left, self._seconds_left, paused=paused, now=now)
        return text, "pause" if paused else "circle-play" if running else "clock"

    def _show_line(self) -> None:
        line = self._line()
        if line != self.line:
            self.line = line
            self.line_changed.emit(*line)

    def _show_summary(self) -> None:
        self._show_line()
        if self._left is None:
            return
        unlisted = self._counts.get("queued", 0) - len(self.model.waiting())
        text = summary(
            self._left,
            self._seconds_left,
            unlisted=unlisted,
            paused=self.pause.isChecked(),
            now=datetime.now(),
        )
        if text != self.summary.text():
            self.summary.setText(text)
            self.summary.setAccessibleDescription(text)

    def _show_buttons(self) -> None:
        running, waiting = self.model.counts()
        self._fold()
        self.cancel.setEnabled(running + waiting > 0)
        paused = self.pause.isChecked()
        self.pause.setText(self.tr("Resume") if paused else self.tr("Pause"))
        self.pause.setIcon(icon("play" if paused else "pause"))

    def _job_progressed(self, report: Progress) -> None:
        self.model.set_progress(report.job, report.step, report.steps, report.seconds_left)
        self._note_progress(report)

    def _job_done(self, report: Done) -> None:
        self.model.set_progress(report.job, 1, 1, None)

    def _pause(self, paused: bool) -> None:
        self._state.set_paused(paused)
        self._show_buttons()
        self._show_summary()

    def _cancel(self) -> None:
        active = [job for job in self.chosen() if job.status in ("running", "queued")]
        if active:
            self.queue_actions.cancel(active)
        else:
            self.queue_actions.cancel_running()

    def _delete(self) -> None:
        """Cancel the selected jobs that have not ended; if all have, remove them from the list."""
        chosen = self.chosen()
        active = [job for job in chosen if job.status in ("running", "queued")]
        if active:
            self.queue_actions.cancel(active)
        elif chosen:
            self.queue_actions.remove(chosen)

    def _opened(self, index: QModelIndex) -> None:
        job = self.model.job(index)
        if job is not None:
            self._state.destinations.restore(job.request)

    def _menu(self, position: QPoint) -> None:
        index = self.view.indexAt(position)
        if not index.isValid():
            return
        if not self.view.selectionModel().isSelected(index):
            self.view.setCurrentIndex(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(
            menu,
            self.queue_actions,
            self.chosen(),
            lambda job: self._state.destinations.restore(job.request),
            self.step,
        )
        menu.popup(self.view.viewport().mapToGlobal(position))
