"""From a stored request to a finished job: the one place that drives the engine.

The worker thread of the window and the main thread of the command line both use it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from os import urandom
from pathlib import Path

from msgspec import Struct

from studio.engine.api import Engine
from studio.kinds.coding import shared_settings
from studio.kinds.registry import kind_of
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
    FileRef,
    JobStatus,
    Preview,
    Problem,
    ProblemError,
    Ready,
    RowFailed,
    RunJob,
    RunTogether,
    sentence,
    unexpected,
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


class PreviewSaved(Struct, frozen=True):
    """A small picture of row `row` as it is now, in a file that the next preview replaces."""

    job: str
    row: int
    path: Path


class JobChanged(Struct, frozen=True):
    """A job has another status now."""

    job: Job


Report = Callable[[Event | AssetSaved | PreviewSaved | JobChanged], None]


class Runner:
    """Runs jobs, one or some at a time. `cancel` may be called from any thread, `run` from one."""

    def __init__(self, library: Library, engine: Engine, registry: Registry) -> None:
        self._library = library
        self._engine = engine
        self._registry = registry
        self._lock = threading.Lock()
        self._cancelled: set[str] = set()
        self._ended: set[str] = set()
        self._not_worth_sharing: set[tuple[object, ...]] = set()

    def rows_together(self, job: Job) -> int:
        """Return how many rows of several jobs may be run at once, where `job` is one of them.

        That is 0 where the engine has shown that such jobs gain nothing: they wait in the queue
        as well, and can be moved and paused there.
        """
        if shared_settings(job.request) in self._not_worth_sharing:
            return 0
        return kind_of(job.request).max_shared_rows

    def run(self, job: Job, report: Report) -> JobStatus:
        """Run what is missing of a job and return its final status. Never raises.

        Every result is recorded as it comes, so whatever happens later cannot lose it. The
        engine's final event is reported after the last result, and `JobChanged` after it, when
        the library has the final status. When the engine was stopped under the job (the app
        closes), the job is left as it is: the library makes it `interrupted`.
        """
        return self.run_together([job], report)[0]

    def run_together(self, jobs: Sequence[Job], report: Report) -> list[JobStatus]:
        """Run jobs with the same `shared_settings` at once, as `run` does with one.

        Each has its own results, failure and end, which is reported as soon as it comes. One
        that failed for a reason that may have been another's is run again by itself: no job
        stops the others.

        Returns:
            The final status of each job.
        """
        with self._lock:
            self._ended.difference_update(job.id for job in jobs)
        runs = [_Run(self, job, report) for job in jobs]
        try:
            ready = [run for run in runs if run.begin()]
            if len(ready) == 1:
                ready[0].drive()
            elif ready:
                for run in self._drive_together(ready):
                    if run.begin_again():
                        run.drive()
        finally:
            for job in jobs:
                self.forget(job.id)
        return [run.status for run in runs]

    def _drive_together(self, runs: Sequence[_Run]) -> list[_Run]:
        """Send jobs to the engine as one command. Returns those to be run by themselves."""
        left = {run.job_id: run for run in runs}
        again: list[_Run] = []

        def hear(event: Event) -> None:
            if isinstance(event, Ready):
                runs[0].hear(event)
                return
            run = left.get(event.job)
            if run is None:
                return
            if not isinstance(event, FINAL_EVENTS):
                run.hear(event)
                return
            del left[event.job]
            if isinstance(event, Failed) and event.problem.kind in _RUN_AGAIN_ALONE:
                again.append(run)
            else:
                run.end(event)

        parts = tuple(run.command for run in runs)
        try:
            final = self._engine.run(RunTogether(job=urandom(16).hex(), parts=parts), hear)
            settings = shared_settings(parts[0].request)
            alone = final.stats.get("alone", 0.0) if isinstance(final, Done) else 0.0
            if settings is not None and 2 * alone > len(parts):
                self._not_worth_sharing.add(settings)
        except Exception as error:
            for run in left.values():
                run.end(Failed(run.job_id, unexpected(error)))
        return again

    def forget(self, job_id: str) -> None:
        """Note that a job has ended: a late `cancel` must not reach its next run."""
        with self._lock:
            self._cancelled.discard(job_id)
            self._ended.add(job_id)

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
        """Tell whether a job was asked to stop."""
        with self._lock:
            return job_id in self._cancelled


_RUN_AGAIN_ALONE = ("engine_crashed", "out_of_memory", "bug")
"""Kinds of trouble that one job may bring upon those it runs with."""


class _Run:
    """One run of one job, and what went wrong with it so far."""

    command: RunJob
    """What the engine is told, once the run has begun."""
    status: JobStatus
    """How it ended."""

    def __init__(self, runner: Runner, job: Job, report: Report) -> None:
        self._runner = runner
        self._library = runner._library
        self._engine = runner._engine
        self._registry = runner._registry
        self._job = job
        self._report = report
        self._trouble: Problem | None = None
        self._row_trouble: Problem | None = None

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._job.id

    def begin(self) -> bool:
        """Mark the job as running, if it does not run yet. False where it has ended with that."""
        try:
            if self._job.status == "queued":
                self._job = self._library.queue.start(self._job)
            if self._job.status != "running":
                self.status = self._job.status
                return False
            self._report(JobChanged(self._job))
            return self._prepare()
        except ProblemError as error:
            self.end(Failed(self.job_id, error.problem))
        except Exception as error:
            self.end(Failed(self.job_id, unexpected(error)))
        return False

    def begin_again(self) -> bool:
        """Begin with what is still missing, after a try with others. False where that is over."""
        self._row_trouble = None
        return self.begin()

    def _prepare(self) -> bool:
        """Make the command. Returns False where the job has ended with that."""
        rows = self._library.queue.missing_rows(self._job)
        if not rows:
            self.end(Done(self.job_id))
            return False
        request = self._job.request
        model, *extra = self._registry.resolve_all(request)
        self.command = RunJob(
            job=self.job_id,
            request=request,
            rows=rows,
            model=model,
            extra_models=tuple(extra),
            work_dir=str(self._library.work_dir(self._job)),
        )
        if self._runner.is_cancelled(self.job_id):
            self.end(Cancelled(self.job_id))
            return False
        return True

    def drive(self) -> None:
        """Send the job to the engine, by itself, and record what comes."""
        final: Event
        try:
            final = self._engine.run(self.command, self.hear)
        except Exception as error:
            final = Failed(self.job_id, unexpected(error))
        self.end(final)

    def end(self, final: Event) -> None:
        """Give the job its final status, after the engine's final event, and report it."""
        assert isinstance(final, Done | Failed | Cancelled)
        try:
            final = self._outcome(final)
        except ProblemError as error:
            final = Failed(self.job_id, error.problem)
        except Exception as error:
            final = Failed(self.job_id, unexpected(error))
        self.status = self._end(final)
        self._runner.forget(self.job_id)

    def _outcome(self, final: Done | Failed | Cancelled) -> Done | Failed | Cancelled:
        """Return how the job ended, by what the engine said and what the library holds."""
        if self._trouble is not None:
            return Failed(self.job_id, self._trouble)
        if isinstance(final, Done) and self._row_trouble is not None:
            return Failed(self.job_id, self._row_trouble)
        if isinstance(final, Cancelled):
            return final
        missing = self._library.queue.missing_rows(self._job)
        if isinstance(final, Failed) and not missing:
            # What broke afterwards took nothing away.
            return Done(self.job_id)
        if isinstance(final, Failed) and final.problem.kind == "bug":
            # An engine whose work folder is taken away cannot know why it cannot write.
            self._library.check_destination(self._job)
        if isinstance(final, Done) and missing:
            message = sentence(
                "The engine ended the job without all of its results. Try again, and report it."
            )
            return Failed(self.job_id, Problem("bug", message))
        return final

    def hear(self, event: Event) -> None:
        """Take one event of the engine. Recording goes first, so that a report means "kept"."""
        if isinstance(event, FINAL_EVENTS) or self._trouble is not None:
            return
        try:
            match event:
                case AssetReady():
                    asset = self._library.record_asset(
                        self._job, event.row, self._path_of(event.file), event.recipe
                    )
                    self._report(AssetSaved(asset))
                    return
                case Preview():
                    path = self._path_of(event.file)
                    self._report(PreviewSaved(event.job, event.row, path))
                    return
                case RowFailed():
                    self._row_trouble = self._row_trouble or event.problem
                    self._library.queue.row_failed(self._job.id, event.row, event.problem)
                case Accepted() if self._runner.is_cancelled(self._job.id):
                    # It was asked for before the engine knew the job.
                    self._engine.cancel(self._job.id)
            self._report(event)
        except ProblemError as error:
            self._stop_for(error.problem)
        except Exception as error:
            self._stop_for(unexpected(error))

    def _path_of(self, file: FileRef) -> Path:
        return self._engine.path_of(file, Path(self.command.work_dir))

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
            self._job = self._library.queue.finish(job_id, status, trouble)
        except ProblemError as error:
            # The disk is full or gone: the job stays `running` and is offered again.
            final, status = Failed(job_id, trouble or error.problem), "failed"
        self._report(final)
        self._report(JobChanged(self._job))
        return status
