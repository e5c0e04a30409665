"""What can be done to the jobs of the queue: off the window's thread, and said afterwards."""

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
    """One method an action. Each returns at once; the dock looks again when it is done."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state

    def move(self, ids: Sequence[str], before: str | None) -> None:
        """Give waiting jobs another turn: before another one, or at the end."""
        ids = list(ids)
        self._state.change_jobs(lambda library: library.queue.move(ids, before))

    def run_next(self, jobs: Sequence[Job]) -> None:
        """Put waiting jobs in front of all others."""
        ids = [job.id for job in jobs]

        def first(library: Library) -> None:
            waiting = library.queue.list("queued", limit=len(ids) + 1)
            others = [job.id for job in waiting if job.id not in ids]
            if others:
                library.queue.move(ids, others[0])

        self._state.change_jobs(first)

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Cancel these of those that run, wait or were interrupted."""
        if len(jobs) == 1:
            self._state.cancel(jobs[0].id)
            return
        ids = {job.id for job in jobs}
        self._cancel(ids, lambda running: running in ids)

    def cancel_running(self) -> None:
        """Cancel the job that runs, or those that run together."""
        for job in self._state.worker.running_jobs:
            self._state.cancel(job)

    def cancel_waiting(self) -> None:
        """Cancel all but what runs."""
        self._cancel(None, lambda _: False)

    def cancel_all(self) -> None:
        """Cancel all that waits and what runs."""
        self._cancel(None, lambda _: True)

    def resume(self, jobs: Sequence[Job]) -> None:
        """Run what is missing of interrupted jobs."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.retries.resume(job) for job in ids])

    def resume_all(self) -> None:
        """Run what is missing of every interrupted job."""
        self._change(lambda library: library.retries.resume_interrupted(), lambda _: None)

    def retry(self, jobs: Sequence[Job]) -> None:
        """Try ended jobs once more, as new ones."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.retries.retry(job) for job in ids])

    def retry_failed(self) -> None:
        """Try every failed job again that was not tried again yet."""
        self._change(lambda library: library.retries.retry_failed(), self._tell_retried)

    def duplicate(self, jobs: Sequence[Job]) -> None:
        """Put the same requests, with their seeds, at the end of the queue once more."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.retries.duplicate(job) for job in ids])

    def remove(self, jobs: Sequence[Job]) -> None:
        """Forget ended jobs; what they made stays."""
        ids = [job.id for job in jobs]
        self._state.change_jobs(lambda library: [library.queue.remove(job) for job in ids])

    def clear_ended(self) -> None:
        """Forget every job that is done, failed or cancelled; what they made stays."""
        self._change(lambda library: library.queue.clear_ended(), lambda _: None)

    # ---- inside

    def _cancel(self, ids: Collection[str] | None, also: Callable[[str], bool]) -> None:
        """Cancel those of these jobs that wait, or all; `also` tells it of those that run."""
        worker = self._state.worker

        def work(library: Library) -> Sequence[str]:
            cancelled = library.queue.cancel_waiting(ids)
            # Afterwards, so that no other one begins in between.
            for running in filter(also, worker.running_jobs):
                worker.cancel_running(running)
            return cancelled

        self._change(work, self._tell_cancelled)

    def _change(self, work: Callable[[Library], T], then: Callable[[T], object]) -> None:
        library = self._state.library
        if library is None:
            return

        def done(result: T) -> None:
            self._look_again()
            then(result)

        self._state.background.in_order(self, lambda: work(library), done, self._state.problem.emit)

    def _look_again(self) -> None:
        self._state.worker.wake()
        self._state.jobs_changed.emit()

    def _tell_cancelled(self, cancelled: Sequence[str]) -> None:
        if not cancelled:
            return
        if len(cancelled) == 1:
            text = self.tr("1 waiting job was cancelled.")
        else:
            text = self.tr("{n} waiting jobs were cancelled.").format(n=f"{len(cancelled):,}")

        def undo() -> None:
            self._change(lambda library: library.queue.restore_cancelled(cancelled), lambda _: None)

        self._state.show_message(text, "info", self.tr("Undo"), undo)

    def _tell_retried(self, outcome: tuple[list[Job], list[Problem]]) -> None:
        again, refused = outcome
        if not again and not refused:
            self._state.show_message(self.tr("Every failed job was tried again already."))
        if refused:
            self._state.show_message(
                self.tr("{n} of {total} jobs cannot be tried again. {why}").format(
                    n=len(refused),
                    total=len(again) + len(refused),
                    why=translated(refused[0].message),
                ),
                "warning",
            )
