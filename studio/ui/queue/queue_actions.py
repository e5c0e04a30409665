"""Actions on the jobs of the queue, run on a background thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject

from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated

if TYPE_CHECKING:
    from studio.library.records import Job
    from studio.library.store import Library
    from studio.protocol import Problem

T = TypeVar("T")


class QueueActions(QObject):
    """Each method returns at once; the queue dock is refreshed when the action is done."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state

    def move(self, ids: Sequence[str], before: str | None) -> None:
        """Move waiting jobs before the job `before`, or to the end of the queue."""
        ids = list(ids)
        self._state.change_jobs(lambda library: library.queue.move(ids, before))

    def run_next(self, jobs: Sequence[Job]) -> None:
        """Move waiting jobs to the front of the queue."""
        ids = [job.id for job in jobs]

        def first(library: Library) -> None:
            waiting = library.queue.list("queued", limit=len(ids) + 1)
            others = [job.id for job in waiting if job.id not in ids]
            if others:
                library.queue.move(ids, others[0])

        self._state.change_jobs(first)

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Cancel jobs that are running, waiting or interrupted."""
        if len(jobs) == 1:
            self._state.cancel(jobs[0].id)
            return
        ids = {job.id for job in jobs}
        self._cancel(ids, lambda running: running in ids)

    def cancel_running(self) -> None:
        """Cancel all running jobs."""
        for job in self._state.worker.running_jobs:
            self._state.cancel(job)

    def cancel_waiting(self) -> None:
        """Cancel all waiting jobs."""
        self._cancel(None, lambda _: False)

    def cancel_all(self) -> None:
        """Cancel all waiting and running jobs."""
        self._cancel(None, lambda _: True)

    def resume(self, jobs: Sequence[Job]) -> None:
        """Resume interrupted jobs: run the rows that are missing."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.retries.resume(job) for job in ids])

    def resume_all(self) -> None:
        """Resume all interrupted jobs."""
        self._change(lambda library: library.retries.resume_interrupted(), lambda _: None)

    def retry(self, jobs: Sequence[Job]) -> None:
        """Enqueue ended jobs again, as new jobs."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.retries.retry(job) for job in ids])

    def retry_failed(self) -> None:
        """Retry all failed jobs that have not been retried yet."""
        self._change(lambda library: library.retries.retry_failed(), self._retried)

    def duplicate(self, jobs: Sequence[Job]) -> None:
        """Enqueue the same requests, with the same seeds, once more."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.retries.duplicate(job) for job in ids])

    def remove(self, jobs: Sequence[Job]) -> None:
        """Remove ended jobs from the list; their results stay."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.queue.remove(job) for job in ids])

    def clear_ended(self) -> None:
        """Remove all done, failed and cancelled jobs from the list; their results stay."""
        self._change(lambda library: library.queue.clear_ended(), lambda _: None)

    # ---- private

    def _cancel(self, ids: Collection[str] | None, cancel_running: Callable[[str], bool]) -> None:
        """Cancel waiting jobs (all if `ids` is None), and running ones if `cancel_running(id)`."""
        worker = self._state.worker

        def work(library: Library) -> Sequence[str]:
            cancelled = library.queue.cancel_waiting(ids)
            # Running jobs last, so that no waiting one starts in between.
            for running in filter(cancel_running, worker.running_jobs):
                worker.cancel_running(running)
            return cancelled

        self._change(work, self._cancelled)

    def _change(self, work: Callable[[Library], T], then: Callable[[T], object]) -> None:
        library = self._state.library
        if library is None:
            return

        def done(result: T) -> None:
            self._state.worker.wake()
            self._state.jobs_changed.emit()
            then(result)

        self._state.background.in_order(self, lambda: work(library), done, self._state.problem.emit)

    def _cancelled(self, cancelled: Sequence[str]) -> None:
        if not cancelled:
            return
        if len(cancelled) == 1:
            text = self.tr("1 waiting job was cancelled.")
        else:
            text = self.tr("{n} waiting jobs were cancelled.").format(n=f"{len(cancelled):,}")

        def undo() -> None:
            self._change(lambda library: library.queue.restore_cancelled(cancelled), lambda _: None)

        self._state.show_message(text, "info", self.tr("Undo"), undo)

    def _retried(self, outcome: tuple[list[Job], list[Problem]]) -> None:
        retried, refused = outcome
        if not retried and not refused:
            self._state.show_message(self.tr("All failed jobs have already been retried."))
        if refused:
            self._state.show_message(
                self.tr("{n} of {total} failed jobs cannot be retried. {why}").format(
                    n=len(refused),
                    total=len(retried) + len(refused),
                    why=translated(refused[0].message),
                ),
                "warning",
            )
