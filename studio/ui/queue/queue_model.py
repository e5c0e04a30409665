"""The jobs on show: what runs, what waits, and what lately ended."""

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
from studio.ui.widgets.times import duration_text

Index = QModelIndex | QPersistentModelIndex
JOB_ROLE = Qt.ItemDataRole.UserRole
FRACTION_ROLE = Qt.ItemDataRole.UserRole + 1
STATUS_ROLE = Qt.ItemDataRole.UserRole + 2

_MIME = "application/x-prompt-studio-jobs"


def job_title(job: Job) -> str:
    """Return the first words of what a job was asked, or the name of its file."""
    return " ".join(display_name(job.request)[:300].split()) or tr("(no prompt)")


class QueueModel(QAbstractListModel):
    """One row a job. Those that wait can be dragged to another turn."""

    moved = Signal(list, object)
    """Ids of waiting jobs, in order, and the id of the one they shall stand before, or None."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._beyond: str | None = None
        self._fraction: dict[str, float] = {}
        self._left: dict[str, float | None] = {}

    def set_jobs(self, jobs: Sequence[Job], beyond: str | None = None) -> None:
        """Show these jobs; rows that stay keep their selection.

        `beyond` is the id of the first waiting job that is not on show, if there is one.
        """
        self._beyond = beyond
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
        self._left = {job: at for job, at in self._left.items() if job in wanted}

    def move_waiting(self, ids: Sequence[str], before: str | None) -> None:
        """Show waiting jobs in another place and say so by `moved`; the library follows.

        `before` None is behind the last one on show.
        """
        chosen = [job for job in self._jobs if job.status == "queued" and job.id in set(ids)]
        if not chosen or before in {job.id for job in chosen}:
            return
        others = [job for job in self._jobs if job not in chosen]
        place = next((row for row, job in enumerate(others) if job.id == before), None)
        if place is None:
            place = 1 + max(
                (row for row, job in enumerate(others) if job.status in ("running", "queued")),
                default=-1,
            )
            before = self._beyond
        others[place:place] = chosen
        if [job.id for job in others] == [job.id for job in self._jobs]:
            return
        self._arrange(others)
        self.moved.emit([job.id for job in chosen], before)

    def _arrange(self, jobs: Sequence[Job]) -> None:
        """Bring the rows into this order; the jobs are the ones on show."""
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

    def waiting(self) -> list[Job]:
        """Return the waiting jobs on show in the order of their turn."""
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
        return data.hasFormat(_MIME) and not parent.isValid() and self._turn_at(row) is not None

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not self.canDropMimeData(data, action, row, column, parent):
            return False
        ids = bytes(data.data(_MIME).data()).decode().split("\n")
        turn = self._turn_at(row)
        # A place among the chosen rows themselves means the next one that stays.
        while turn is not None and turn < len(self._jobs) and self._jobs[turn].id in ids:
            turn += 1
        job = self._jobs[turn] if turn is not None and turn < len(self._jobs) else None
        self.move_waiting(ids, job.id if job is not None and job.status == "queued" else None)
        return True

    def _turn_at(self, row: int) -> int | None:
        """Return the row that a drop at `row` (−1 is the end) comes before, None if nowhere."""
        waiting = [place for place, job in enumerate(self._jobs) if job.status == "queued"]
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
            said = self._status(job)
            if job.problem is not None:
                said = translated(job.problem.message)
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
            parts.append(self.tr("{time} left").format(time=duration_text(left)))
        if job.problem is not None and job.status == "failed":
            parts.append(translated(job.problem.message))
        if job.status in ("queued", "interrupted") and (why := job.unsupported_reason) is not None:
            parts.append(translated(why))
        return " · ".join(parts)
