"""The jobs on show: what runs, what waits, and what lately ended."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from studio.library.records import Job
from studio.protocol import ImageRequest, JobStatus, TextRequest, UpscaleRequest
from studio.ui.theme import say
from studio.ui.widgets.times import seconds_text

Index = QModelIndex | QPersistentModelIndex
JOB_ROLE = Qt.ItemDataRole.UserRole
FRACTION_ROLE = Qt.ItemDataRole.UserRole + 1
STATUS_ROLE = Qt.ItemDataRole.UserRole + 2


def job_title(job: Job) -> str:
    """Return the first words of what a job was asked, or the name of its file."""
    match job.request:
        case TextRequest(prompt=prompt) | ImageRequest(prompt=prompt):
            return " ".join(prompt[:300].split())
        case UpscaleRequest(input=file):
            return file.path.replace("\\", "/").rsplit("/", 1)[-1]


class QueueModel(QAbstractListModel):
    """One row a job."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._fraction: dict[str, float] = {}
        self._left: dict[str, float | None] = {}

    def set_jobs(self, jobs: Sequence[Job]) -> None:
        """Show these jobs; rows that stay keep their place and selection."""
        before = [job.id for job in self._jobs]
        after = [job.id for job in jobs]
        if before == after:
            self._jobs = list(jobs)
            if jobs:
                self.dataChanged.emit(self.index(0), self.index(len(jobs) - 1))
            return
        self.beginResetModel()
        self._jobs = list(jobs)
        known = set(after)
        self._fraction = {job: at for job, at in self._fraction.items() if job in known}
        self.endResetModel()

    def set_progress(self, job: str, step: int, steps: int, seconds_left: float | None) -> None:
        """Show how far a job is."""
        self._fraction[job] = step / steps if steps else 0.0
        self._left[job] = seconds_left
        for row, shown in enumerate(self._jobs):
            if shown.id == job:
                self.dataChanged.emit(self.index(row), self.index(row))
                return

    def job(self, index: Index) -> Job | None:
        """Return the job of a row."""
        row = index.row()
        return self._jobs[row] if 0 <= row < len(self._jobs) else None

    def row_of(self, job: str) -> int:
        """Return the row of a job, −1 where it is not on show."""
        return next((row for row, shown in enumerate(self._jobs) if shown.id == job), -1)

    def counts(self) -> tuple[int, int]:
        """Return how many of the jobs on show run, and how many wait."""
        running = sum(job.status == "running" for job in self._jobs)
        return running, sum(job.status == "queued" for job in self._jobs)

    # ---- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        job = self.job(index)
        if job is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return job_title(job)
        if role == Qt.ItemDataRole.ToolTipRole:
            said = self._status(job)
            if job.problem is not None:
                said = say(job.problem.message)
            return f"{job_title(job)}\n{said}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{job_title(job)}, {self._status(job)}"
        if role == JOB_ROLE:
            return job
        if role == STATUS_ROLE:
            return self._status(job)
        if role == FRACTION_ROLE:
            return self._fraction.get(job.id) if job.status == "running" else None
        return None

    def _status(self, job: Job) -> str:
        names: dict[JobStatus, str] = {
            "queued": self.tr("Waiting"),
            "running": self.tr("Running"),
            "done": self.tr("Done"),
            "failed": self.tr("Failed"),
            "cancelled": self.tr("Cancelled"),
            "interrupted": self.tr("Interrupted"),
        }
        parts = [names[job.status]]
        if job.request.count > 1:
            parts.append(
                self.tr("{done} of {total}").format(
                    done=len(job.done_rows), total=job.request.count
                )
            )
        left = self._left.get(job.id)
        if job.status == "running" and left is not None:
            parts.append(self.tr("{time} left").format(time=seconds_text(left)))
        if job.problem is not None and job.status == "failed":
            parts.append(say(job.problem.message))
        return " · ".join(parts)
