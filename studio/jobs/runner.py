"""From a stored request to a finished job: the one place that drives the engine.

The worker thread of the window and the main thread of the command line both use it.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from studio.engine.client import EngineClient
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    FINAL_EVENTS,
    Accepted,
    AssetReady,
    Cancelled,
    Done,
    Event,
    Failed,
    JobStatus,
    Problem,
    ProblemError,
    RowFailed,
    RunJob,
    UpscaleRequest,
    sentence,
    task_of,
)


class AssetSaved(Struct, frozen=True):
    """A result is in its place on disk and in the library."""

    asset: Asset

    @property
    def job(self) -> str:
        """The job's id."""
        return self.asset.job

    @property
    def row(self) -> int:
        """The row of the job."""
        return self.asset.row


class JobChanged(Struct, frozen=True):
    """A job has another status now."""

    job: Job


Report = Callable[[Event | AssetSaved | JobChanged], None]


class Runner:
    """Runs one job at a time. `cancel` may be called from any thread, `run` from one."""

    def __init__(self, library: Library, engine: EngineClient, registry: Registry) -> None:
        self._library = library
        self._engine = engine
        self._registry = registry
        self._lock = threading.Lock()
        self._cancelled: set[str] = set()
        self._ended: set[str] = set()

    def run(self, job: Job, report: Report) -> JobStatus:
        """Run what is missing of a job and return its final status. Never raises.

        Every result is recorded as it comes, so whatever happens later cannot lose it. The
        engine's final event is reported after the last result, and `JobChanged` after it, when
        the library has the final status. When the engine was stopped under the job (the app
        closes), the job is left as it is: the library makes it `interrupted`.
        """
        with self._lock:
            self._ended.discard(job.id)
        try:
            return _Run(self, job, report).run()
        finally:
            with self._lock:
                self._cancelled.discard(job.id)
                self._ended.add(job.id)

    def cancel(self, job_id: str) -> None:
        """Stop a job that runs, or is about to. Returns at once.

        One that has just ended is left alone: it may be run again under the same id.
        """
        with self._lock:
            if job_id in self._ended:
                return
            self._cancelled.add(job_id)
        self._engine.cancel(job_id)

    def is_cancelled(self, job_id: str) -> bool:
        """Tell whether somebody asked to stop a job."""
        with self._lock:
            return job_id in self._cancelled


class _Run:
    """One run of one job, and what went wrong with it so far."""

    def __init__(self, runner: Runner, job: Job, report: Report) -> None:
        self._runner = runner
        self._library = runner._library
        self._engine = runner._engine
        self._registry = runner._registry
        self._job = job
        self._report = report
        self._trouble: Problem | None = None
        self._row_trouble: Problem | None = None

    def run(self) -> JobStatus:
        job_id = self._job.id
        try:
            if self._job.status == "queued":
                self._job = self._library.start(self._job)
            if self._job.status != "running":
                return self._job.status
            self._report(JobChanged(self._job))
            final = self._drive()
        except ProblemError as error:
            final = Failed(job_id, error.problem)
        except Exception as error:
            final = Failed(job_id, _bug(error))
        return self._end(final)

    def _drive(self) -> Done | Failed | Cancelled:
        """Send the job to the engine and record what comes. Returns how it ended."""
        job = self._job
        rows = self._library.missing_rows(job)
        if not rows:
            return Done(job.id)
        request = job.request
        scale = request.scale if isinstance(request, UpscaleRequest) else None
        command = RunJob(
            job=job.id,
            request=request,
            rows=rows,
            model=self._registry.resolve(request.model, task_of(request), scale),
            work_dir=str(self._library.work_dir(job)),
        )
        if self._runner.is_cancelled(job.id):
            return Cancelled(job.id)
        final = self._engine.run(command, self._hear)
        assert isinstance(final, Done | Failed | Cancelled)
        if self._trouble is not None:
            return Failed(job.id, self._trouble)
        if isinstance(final, Done) and self._row_trouble is not None:
            return Failed(job.id, self._row_trouble)
        missing = self._library.missing_rows(job)
        if isinstance(final, Failed) and not missing:
            # What broke afterwards took nothing away.
            return Done(job.id)
        if isinstance(final, Done) and missing:
            told = sentence(
                "The engine ended the job without all of its results. Try again, and report it."
            )
            return Failed(job.id, Problem("bug", told))
        return final

    def _hear(self, event: Event) -> None:
        """Take one event of the engine. Recording goes first, so that a report means "kept"."""
        if isinstance(event, FINAL_EVENTS) or self._trouble is not None:
            return
        try:
            match event:
                case AssetReady():
                    asset = self._library.record_asset(
                        self._job, event.row, Path(event.path), event.recipe
                    )
                    self._report(AssetSaved(asset))
                    return
                case RowFailed():
                    self._row_trouble = self._row_trouble or event.problem
                    self._library.record_row_failure(self._job.id, event.row, event.problem)
                case Accepted() if self._runner.is_cancelled(self._job.id):
                    # It was asked for before the engine's client knew the job.
                    self._engine.cancel(self._job.id)
            self._report(event)
        except ProblemError as error:
            self._stop_for(error.problem)
        except Exception as error:
            self._stop_for(_bug(error))

    def _stop_for(self, trouble: Problem) -> None:
        """End the job: its results cannot be kept."""
        self._trouble = trouble
        self._engine.cancel(self._job.id)

    def _end(self, final: Done | Failed | Cancelled) -> JobStatus:
        """Give the job its final status and report it."""
        job_id = self._job.id
        status: JobStatus
        trouble: Problem | None = None
        match final:
            case Done():
                status = "done"
            case Failed():
                status, trouble = "failed", final.problem
            case Cancelled():
                if not self._runner.is_cancelled(job_id):
                    return "interrupted"
                status = "cancelled"
        try:
            self._job = self._library.finish(job_id, status, trouble)
        except ProblemError as error:
            # The disk is full or gone: the job stays `running` and is offered again.
            final, status = Failed(job_id, trouble or error.problem), "failed"
        self._report(final)
        self._report(JobChanged(self._job))
        return status


def _bug(error: Exception) -> Problem:
    return Problem(
        "bug",
        sentence(
            "Something went wrong in the app itself ({name}). Please report it with the detail.",
            name=type(error).__name__,
        ),
        "".join(traceback.format_exception(error)),
    )
