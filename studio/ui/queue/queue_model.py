"""The list model of the queue: running, waiting and recently ended jobs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from studio.kinds.requests import display_name
from studio.library.records import Job
from studio.protocol import JobStatus
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import duration_text

Index = QModelIndex | QPersistentModelIndex
JOB_ROLE = Qt.ItemDataRole.UserRole
FRACTION_ROLE = Qt.ItemDataRole.UserRole + 1
STATUS_ROLE = Qt.ItemDataRole.UserRole + 2

_MIME = "application/x-prompt-studio-jobs"


def job_title(job: Job) -> str:
    """Return the first words of a job's prompt, or the name of its input file."""
    return one_line(display_name(job.request), 300) or tr("(no prompt)")


class QueueModel(QAbstractListModel):
    """One row per job. Waiting jobs can be reordered by dragging."""

    moved = Signal(list, object)
    """Ids of the moved jobs in order, and the id of the job that follows them, or None."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._first_unlisted: str | None = None
        self._fraction: dict[str, float] = {}
        self._seconds_left: dict[str, float | None] = {}

    def set_jobs(self, jobs: Sequence[Job], first_unlisted: str | None = None) -> None:
        """Show these jobs; remaining rows keep their selection.

        `first_unlisted` is the id of the first waiting job that is not among them, if any.
        """
        self._first_unlisted = first_unlisted
        wanted = {job.id: job for job in jobs}
        for row in range(len(self._jobs) - 1, -1, -1):
            if self._jobs[row].id not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._jobs[row]
                self.endRemoveRows()
        known = {job.id for job in self._jobs}
        self._arrange([job for job in jobs if job.id in known])
        for row, job in enumerate(jobs):
            if job.id not in known:
                self.beginInsertRows(QModelIndex(), row, row)
                self._jobs.insert(row, job)
                self.endInsertRows()
        if known:
            self.dataChanged.emit(self.index(0), self.index(len(jobs) - 1))
        self._fraction = {job: at for job, at in self._fraction.items() if job in wanted}
        self._seconds_left = {job: at for job, at in self._seconds_left.items() if job in wanted}

    def move_waiting(self, ids: Sequence[str], before: str | None) -> None:
        """Move waiting jobs before the job `before` and emit `moved`.

        If `before` is None, they follow the last waiting job that is shown.
        """
        chosen = [job for job in self._jobs if job.status == "queued" and job.id in set(ids)]
        if not chosen or before in {job.id for job in chosen}:
            return
        others = [job for job in self._jobs if job not in chosen]
        target = next((row for row, job in enumerate(others) if job.id == before), None)
        if target is None:
            target = 1 + max(
                (row for row, job in enumerate(others) if job.status in ("running", "queued")),
                default=-1,
            )
            before = self._first_unlisted
        others[target:target] = chosen
        if [job.id for job in others] == [job.id for job in self._jobs]:
            return
        self._arrange(others)
        self.moved.emit([job.id for job in chosen], before)

    def _arrange(self, jobs: Sequence[Job]) -> None:
        """Reorder the rows; `jobs` are the jobs that are shown already."""
        if [job.id for job in self._jobs] == [job.id for job in jobs]:
            self._jobs = list(jobs)
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        places = {job.id: row for row, job in enumerate(jobs)}
        after = [self.index(places[self._jobs[index.row()].id]) for index in before]
        self._jobs = list(jobs)
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def set_progress(self, job: str, step: int, steps: int, seconds_left: float | None) -> None:
        """Show the progress of a running job."""
        self._fraction[job] = step / steps if steps else 0.0
        self._seconds_left[job] = seconds_left
        for row, shown in enumerate(self._jobs):
            if shown.id == job:
                self.dataChanged.emit(self.index(row), self.index(row))
                return

    def job(self, index: Index) -> Job | None:
        """Return the job of a row."""
        row = index.row()
        return self._jobs[row] if 0 <= row < len(self._jobs) else None

    def row_of(self, job: str) -> int:
        """Return the row of a job, −1 if it is not shown."""
        return next((row for row, shown in enumerate(self._jobs) if shown.id == job), -1)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of shown jobs that are running and waiting."""
        running = sum(job.status == "running" for job in self._jobs)
        return running, sum(job.status == "queued" for job in self._jobs)

    def waiting(self) -> list[Job]:
        """Return the shown waiting jobs in queue order."""
        return [job for job in self._jobs if job.status == "queued"]

    # ---- Qt

    def flags(self, index: Index) -> Qt.ItemFlag:
        job = self.job(index) if index.isValid() else None
        if job is None:
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        if job.status == "queued":
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags | Qt.ItemFlag.ItemNeverHasChildren

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        jobs = [self.job(index) for index in sorted(indexes, key=lambda index: index.row())]
        data = QMimeData()
        data.setData(_MIME, "\n".join(job.id for job in jobs if job is not None).encode())
        return data

    def canDropMimeData(
        self, data: QMimeData, _action: Qt.DropAction, row: int, _column: int, parent: Index
    ) -> bool:
        is_between_rows = not parent.isValid()
        return data.hasFormat(_MIME) and is_between_rows and self._drop_row(row) is not None

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not self.canDropMimeData(data, action, row, column, parent):
            return False
        ids = bytes(data.data(_MIME).data()).decode().split("\n")
        target = self._drop_row(row)
        # A drop onto the dragged rows themselves means before the next row that is not dragged.
        while target is not None and target < len(self._jobs) and self._jobs[target].id in ids:
            target += 1
        job = self._jobs[target] if target is not None and target < len(self._jobs) else None
        self.move_waiting(ids, job.id if job is not None and job.status == "queued" else None)
        return True

    def _drop_row(self, row: int) -> int | None:
        """Return the row before which a drop at `row` (−1: the end) inserts, None if invalid."""
        waiting = [index for index, job in enumerate(self._jobs) if job.status == "queued"]
        if not waiting:
            return None
        if row < 0:
            return waiting[-1] + 1
        return row if waiting[0] <= row <= waiting[-1] + 1 else None

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        job = self.job(index)
        if job is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return job_title(job)
        if role == Qt.ItemDataRole.ToolTipRole:
            status = self._status(job)
            if job.problem is not None:
                status = translated(job.problem.message)
            return plain_tooltip(f"{job_title(job)}\n{status}")
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
        seconds_left = self._seconds_left.get(job.id)
        if job.status == "running" and seconds_left is not None:
            parts.append(self.tr("{time} left").format(time=duration_text(seconds_left)))
        if job.problem is not None and job.status == "failed":
            parts.append(translated(job.problem.message))
        if job.status in ("queued", "interrupted") and job.unsupported_reason is not None:
            parts.append(translated(job.unsupported_reason))
        return " · ".join(parts)
