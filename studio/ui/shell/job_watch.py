"""Follows the jobs of one submit, or jobs that are known already, until the last one has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from msgspec import Struct
from PySide6.QtCore import QObject, Signal

from studio.protocol import (
    Cancelled,
    Done,
    Failed,
    JobStatus,
    Loading,
    Problem,
    Progress,
    RowFailed,
    TextDelta,
)
from studio.ui.shell.typed_signal import Carries

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.records import Asset, Job
    from studio.ui.shell.reports import Enqueued, Refused
    from studio.ui.shell.state import AppState


class Ended(Struct, frozen=True):
    """How a job ended: why it failed, or what the engine measured (`Done.stats`)."""

    job: str
    status: JobStatus
    problem: Problem | None = None
    stats: dict[str, float] = {}


class JobWatch(QObject):
    """Made right after `AppState.submit` with its token, or with jobs that are known already.

    Each signal is about one of its jobs. After the last job's `ended`, or `refused`, it hears no
    more and deletes itself; its numbers can still be read.
    """

    enqueued = cast("Carries[Sequence[Job]]", Signal(object))
    """The jobs of the submit, in the order of its requests."""
    refused = cast("Carries[Problem]", Signal(object))
    """Nothing of the submit was stored."""
    changed = cast("Carries[Job]", Signal(object))
    """A job that has not ended waits again, or runs now."""
    loading = cast("Carries[Loading]", Signal(object))
    progress = cast("Carries[Progress]", Signal(object))
    preview = cast("Carries[PreviewSaved]", Signal(object))
    text = cast("Carries[TextDelta]", Signal(object))
    saved = cast("Carries[Asset]", Signal(object))
    row_failed = cast("Carries[RowFailed]", Signal(object))
    ended = cast("Carries[Ended]", Signal(object))

    def __init__(
        self, state: AppState, parent: QObject, *, token: str = "", jobs: Sequence[Job] = ()
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._token = token
        self._jobs: dict[str, Job] = {job.id: job for job in jobs}
        self._left = set(self._jobs)
        self._is_unwanted = False
        self._is_closed = False
        self._made = 0
        self._failed_rows = 0
        reports = state.reports
        reports.enqueued.connect(self._hear_enqueued)
        reports.refused.connect(self._hear_refused)
        reports.job_changed.connect(self._hear_changed)
        reports.asset_saved.connect(self._hear_saved)
        reports.loading.connect(self._hear_loading)
        reports.progress.connect(self._hear_progress)
        reports.preview.connect(self._hear_preview)
        reports.text.connect(self._hear_text)
        reports.row_failed.connect(self._hear_row_failed)
        reports.done.connect(self._hear_done)
        reports.failed.connect(self._hear_failed)
        reports.cancelled.connect(self._hear_cancelled)

    # ---- what is known now

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs by their ids, as they were enqueued; none before that."""
        return self._jobs

    @property
    def made(self) -> int:
        """How many results were saved."""
        return self._made

    @property
    def failed_rows(self) -> int:
        """How many rows failed while the others of their job went on."""
        return self._failed_rows

    @property
    def ended_jobs(self) -> int:
        """How many jobs have ended, however they did."""
        return len(self._jobs) - len(self._left)

    @property
    def is_over(self) -> bool:
        """Whether every job has ended, or all were refused."""
        return not self._token and not self._left

    # ---- what can be done

    def cancel(self) -> None:
        """Cancel every job that has not ended; before they are enqueued, as soon as they are."""
        self._is_unwanted = bool(self._token)
        for job in self._jobs:
            if job in self._left:
                self._state.cancel(job)

    def close(self) -> None:
        """Hear no more. The jobs go on."""
        if not self._is_closed:
            self._is_closed = True
            self.deleteLater()

    # ---- reports

    def _follows(self, job: str) -> bool:
        return job in self._left and not self._is_closed

    def _hear_enqueued(self, report: Enqueued) -> None:
        if self._is_closed or not self._token or report.token != self._token:
            return
        self._token = ""
        self._jobs = {job.id: job for job in report.jobs}
        self._left = set(self._jobs)
        self.enqueued.emit(report.jobs)
        if self._is_unwanted:
            self.cancel()
        self._close_when_over()

    def _hear_refused(self, report: Refused) -> None:
        if self._is_closed or not self._token or report.token != self._token:
            return
        self._token = ""
        self.refused.emit(report.problem)
        self._close_when_over()

    def _hear_changed(self, job: Job) -> None:
        if not self._follows(job.id):
            return
        if job.status in ("queued", "running"):
            self.changed.emit(job)
        else:
            # One that waits is cancelled without a word from the engine.
            self._end(Ended(job.id, job.status, job.problem))

    def _hear_saved(self, asset: Asset) -> None:
        if self._follows(asset.job):
            self._made += 1
            self.saved.emit(asset)

    def _hear_loading(self, report: Loading) -> None:
        if self._follows(report.job):
            self.loading.emit(report)

    def _hear_progress(self, report: Progress) -> None:
        if self._follows(report.job):
            self.progress.emit(report)

    def _hear_preview(self, report: PreviewSaved) -> None:
        if self._follows(report.job):
            self.preview.emit(report)

    def _hear_text(self, report: TextDelta) -> None:
        if self._follows(report.job):
            self.text.emit(report)

    def _hear_row_failed(self, report: RowFailed) -> None:
        if self._follows(report.job):
            self._failed_rows += 1
            self.row_failed.emit(report)

    def _hear_done(self, report: Done) -> None:
        self._end(Ended(report.job, "done", stats=report.stats))

    def _hear_failed(self, report: Failed) -> None:
        self._end(Ended(report.job, "failed", report.problem))

    def _hear_cancelled(self, report: Cancelled) -> None:
        self._end(Ended(report.job, "cancelled"))

    def _end(self, end: Ended) -> None:
        if self._follows(end.job):
            self._left.remove(end.job)
            self.ended.emit(end)
            self._close_when_over()

    def _close_when_over(self) -> None:
        if self.is_over:
            self.close()
