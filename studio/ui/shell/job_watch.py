"""Follow the jobs of one submit, or a set of known jobs, until the last one has ended."""

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
from studio.ui.shell.typed_signal import TypedSignal

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.records import Asset, Job
    from studio.ui.shell.reports import Enqueued, Refused
    from studio.ui.shell.state import AppState


class Ended(Struct, frozen=True):
    """How a job ended: why it failed, or the engine's measurements (`Done.stats`)."""

    job: str
    status: JobStatus
    problem: Problem | None = None
    stats: dict[str, float] = {}


class _RunElsewhere(Struct, frozen=True):
    """A job that this process has not run, None if it was removed, and its results."""

    id: str
    job: Job | None
    assets: Sequence[Asset]


class JobWatch(QObject):
    """Create one right after `AppState.submit` with its token, or with a set of known jobs.

    Each signal concerns one of these jobs. After the last job's `ended`, or after `refused`, the
    watch disconnects and deletes itself; its counts stay readable.
    """

    enqueued = cast("TypedSignal[Sequence[Job]]", Signal(object))
    """The jobs of the submit, in the order of the requests."""
    refused = cast("TypedSignal[Problem]", Signal(object))
    """The submit was refused; no job was stored."""
    changed = cast("TypedSignal[Job]", Signal(object))
    """A job was queued again, or started running."""
    loading = cast("TypedSignal[Loading]", Signal(object))
    progress = cast("TypedSignal[Progress]", Signal(object))
    preview = cast("TypedSignal[PreviewSaved]", Signal(object))
    text = cast("TypedSignal[TextDelta]", Signal(object))
    saved = cast("TypedSignal[Asset]", Signal(object))
    row_failed = cast("TypedSignal[RowFailed]", Signal(object))
    ended = cast("TypedSignal[Ended]", Signal(object))

    def __init__(
        self, state: AppState, parent: QObject, *, token: str = "", jobs: Sequence[Job] = ()
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._token = token
        self._jobs: dict[str, Job] = {job.id: job for job in jobs}
        self._unfinished = set(self._jobs)
        self._cancel_when_enqueued = False
        self._is_closed = False
        self._saved_count = 0
        self._failed_rows = 0
        self._seen_rows: set[tuple[str, int]] = set()
        self._ran_here: set[str] = set()
        reports = state.reports
        state.changed_elsewhere.connect(self._look_again)
        reports.enqueued.connect(self._on_enqueued)
        reports.refused.connect(self._on_refused)
        reports.job_changed.connect(self._on_changed)
        reports.asset_saved.connect(self._on_saved)
        reports.loading.connect(self._on_loading)
        reports.progress.connect(self._on_progress)
        reports.preview.connect(self._on_preview)
        reports.text.connect(self._on_text)
        reports.row_failed.connect(self._on_row_failed)
        reports.done.connect(self._on_done)
        reports.failed.connect(self._on_failed)
        reports.cancelled.connect(self._on_cancelled)

    # ---- state

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs by id, as they were enqueued; empty before that."""
        return self._jobs

    @property
    def saved_count(self) -> int:
        """The number of results saved so far."""
        return self._saved_count

    @property
    def failed_rows(self) -> int:
        """The number of rows that failed while their job continued."""
        return self._failed_rows

    @property
    def ended_jobs(self) -> int:
        """The number of jobs that have ended, in whatever status."""
        return len(self._jobs) - len(self._unfinished)

    @property
    def is_over(self) -> bool:
        """Whether every job has ended, or the submit was refused."""
        return not self._token and not self._unfinished

    # ---- actions

    def cancel(self) -> None:
        """Cancel every unfinished job, or all jobs as soon as they have been enqueued."""
        self._cancel_when_enqueued = bool(self._token)
        for job in self._jobs:
            if job in self._unfinished:
                self._state.cancel(job)

    def close(self) -> None:
        """Stop emitting signals. The jobs continue."""
        if not self._is_closed:
            self._is_closed = True
            self.deleteLater()

    # ---- reports

    def _follows(self, job: str) -> bool:
        return job in self._unfinished and not self._is_closed

    def _on_enqueued(self, report: Enqueued) -> None:
        if self._is_closed or not self._token or report.token != self._token:
            return
        self._token = ""
        self._jobs = {job.id: job for job in report.jobs}
        self._unfinished = set(self._jobs)
        self.enqueued.emit(report.jobs)
        if self._cancel_when_enqueued:
            self.cancel()
        self._close_when_over()

    def _on_refused(self, report: Refused) -> None:
        if self._is_closed or not self._token or report.token != self._token:
            return
        self._token = ""
        self.refused.emit(report.problem)
        self._close_when_over()

    def _on_changed(self, job: Job) -> None:
        if not self._follows(job.id):
            return
        if job.status in ("queued", "running"):
            if job.status == "running":
                self._ran_here.add(job.id)
            self.changed.emit(job)
        else:
            # Cancelling a queued job produces no engine event.
            self._end(Ended(job.id, job.status, job.problem))

    def _on_saved(self, asset: Asset) -> None:
        if self._follows(asset.job) and (asset.job, asset.row) not in self._seen_rows:
            self._seen_rows.add((asset.job, asset.row))
            self._saved_count += 1
            self.saved.emit(asset)

    def _on_loading(self, report: Loading) -> None:
        if self._follows(report.job):
            self.loading.emit(report)

    def _on_progress(self, report: Progress) -> None:
        if self._follows(report.job):
            self.progress.emit(report)

    def _on_preview(self, report: PreviewSaved) -> None:
        if self._follows(report.job):
            self.preview.emit(report)

    def _on_text(self, report: TextDelta) -> None:
        if self._follows(report.job):
            self.text.emit(report)

    def _on_row_failed(self, report: RowFailed) -> None:
        if self._follows(report.job):
            self._failed_rows += 1
            self.row_failed.emit(report)

    def _look_again(self) -> None:
        """Look for jobs that another process has run, cancelled or removed."""
        library = self._state.library
        waiting = self._unfinished - self._ran_here
        if library is None or self._is_closed or not waiting:
            return

        def read() -> list[_RunElsewhere]:
            statuses = library.queue.statuses(waiting)
            return [
                _RunElsewhere(id, library.queue.get(id), library.assets.of_job(id))
                for id in waiting
                if statuses.get(id) != "queued"
            ]

        self._state.background.read(self, read, self._on_run_elsewhere, self._state.problem.emit)

    def _on_run_elsewhere(self, found: Sequence[_RunElsewhere]) -> None:
        for run in found:
            # Its own report may have come in the meantime.
            if run.id in self._ran_here or not self._follows(run.id):
                continue
            for asset in run.assets:
                self._on_saved(asset)
            if run.job is None:
                self._end(Ended(run.id, "cancelled"))
            elif run.job.status in ("queued", "running"):
                self.changed.emit(run.job)
            else:
                self._end(Ended(run.id, run.job.status, run.job.problem))

    def _on_done(self, report: Done) -> None:
        self._end(Ended(report.job, "done", stats=report.stats))

    def _on_failed(self, report: Failed) -> None:
        self._end(Ended(report.job, "failed", report.problem))

    def _on_cancelled(self, report: Cancelled) -> None:
        self._end(Ended(report.job, "cancelled"))

    def _end(self, end: Ended) -> None:
        if self._follows(end.job):
            self._unfinished.remove(end.job)
            self.ended.emit(end)
            self._close_when_over()

    def _close_when_over(self) -> None:
        if self.is_over:
            self.close()
