"""Run stored jobs on an engine and record their results in the library.

Used by the worker threads of the window and by the command line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from os import urandom
from pathlib import Path

from msgspec import Struct

from studio.engine.api import Engine
from studio.kinds.coding import shared_settings
from studio.kinds.model_defaults import with_model_defaults
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
    Request,
    RowFailed,
    RunJob,
    RunTogether,
    Warned,
    sentence,
    unexpected,
)


class AssetSaved(Struct, frozen=True):
    """A result was saved to its file and recorded in the library."""

    asset: Asset

    @property
    def job(self) -> str:
        """The job's id."""
        return self.asset.job

    @property
    def row(self) -> int:
        """The row of the result within the job."""
        return self.asset.row


class PreviewSaved(Struct, frozen=True):
    """A preview of row `row` is in `path`, a file that the next preview overwrites."""

    job: str
    row: int
    path: Path


class JobChanged(Struct, frozen=True):
    """The status of a job changed."""

    job: Job


RunnerEvent = Event | AssetSaved | PreviewSaved | JobChanged
"""What a runner reports: events of the engine, and changes of the library."""
Report = Callable[[RunnerEvent], None]


class Runner:
    """Runs jobs, alone or several together, in one thread. `cancel` is thread-safe."""

    def __init__(self, library: Library, engine: Engine, registry: Registry) -> None:
        self._library = library
        self._engine = engine
        self._registry = registry
        self._lock = threading.Lock()
        self._cancelled: set[str] = set()
        self._ended: set[str] = set()
        self._not_worth_sharing: set[tuple[object, ...]] = set()

    def rows_together(self, job: Job) -> int:
        """Return the maximum number of rows of `job` and jobs to run together with it.

        That is 0 if running such jobs together did not help earlier: then they stay in the
        queue, where they can still be moved or paused.
        """
        if shared_settings(job.request) in self._not_worth_sharing:
            return 0
        return kind_of(job.request).max_shared_rows

    def run(self, job: Job, report: Report) -> JobStatus:
        """Run the missing rows of a job and return its final status. Never raises.

        Each result is recorded as soon as it arrives. The engine's final event is reported after
        the last result, and `JobChanged` after that, once the library has the final status. If
        the engine is stopped while the job runs (the app closes), the stored status does not
        change: the library marks the job `interrupted` later.
        """
        return self.run_together([job], report)[0]

    def run_together(self, jobs: Sequence[Job], report: Report) -> list[JobStatus]:
        """Run jobs with the same `shared_settings` in one command; otherwise as `run`.

        Each job has its own results, failure and end. A job whose failure may have been caused
        by another job is run again alone.

        Returns:
            The final status of each job.
        """
        with self._lock:
            self._ended.difference_update(job.id for job in jobs)
        runs = [_Run(self, job, report) for job in jobs]
        try:
            ready = [run for run in runs if run.start()]
            if len(ready) == 1:
                ready[0].run_alone()
            elif ready:
                for run in self._run_group(ready):
                    if run.restart():
                        run.run_alone()
        finally:
            for job in jobs:
                self.mark_ended(job.id)
        return [run.status for run in runs]

    def _run_group(self, runs: Sequence[_Run]) -> list[_Run]:
        """Run jobs with one command. Return those to be run again alone."""
        pending = {run.job_id: run for run in runs}
        rerun: list[_Run] = []

        def on_event(event: Event) -> None:
            if isinstance(event, Ready):
                runs[0].on_event(event)
                return
            run = pending.get(event.job)
            if run is None:
                return
            if not isinstance(event, FINAL_EVENTS):
                run.on_event(event)
                return
            del pending[event.job]
            if isinstance(event, Failed) and event.problem.kind in _RERUN_ALONE:
                run.saves_memory = event.was_killed
                rerun.append(run)
            else:
                run.end(event)

        parts = tuple(run.command for run in runs)
        try:
            final = self._engine.run(RunTogether(job=urandom(16).hex(), parts=parts), on_event)
            # As stored: the commands have the model's defaults filled in.
            settings = shared_settings(runs[0].request)
            alone = final.stats.get("alone", 0.0) if isinstance(final, Done) else 0.0
            if settings is not None and 2 * alone > len(parts):
                self._not_worth_sharing.add(settings)
        except Exception as error:
            for run in pending.values():
                run.end(Failed(run.job_id, unexpected(error)))
        return rerun

    def mark_ended(self, job_id: str) -> None:
        """Forget a pending cancel of a job that ended, so that it does not affect its next run."""
        with self._lock:
            self._cancelled.discard(job_id)
            self._ended.add(job_id)

    def cancel(self, job_id: str) -> None:
        """Cancel a job that is running or about to start. Returns immediately.

        Does nothing for a job that has just ended: it may be run again with the same id.
        """
        with self._lock:
            if job_id in self._ended:
                return
            self._cancelled.add(job_id)
        self._engine.cancel(job_id)

    def is_cancelled(self, job_id: str) -> bool:
        """Return whether a job was cancelled."""
        with self._lock:
            return job_id in self._cancelled


_RERUN_ALONE = ("engine_crashed", "engine_restarted", "out_of_memory", "bug")
"""Kinds of problems that another job of the group may have caused."""


class _Run:
    """One run of one job, with the problems that occurred so far."""

    command: RunJob
    """The command for the engine, set by `start`."""
    status: JobStatus
    """The final status, set when the run has ended."""

    def __init__(self, runner: Runner, job: Job, report: Report) -> None:
        self._runner = runner
        self._library = runner._library
        self._engine = runner._engine
        self._registry = runner._registry
        self._job = job
        self._report = report
        self._problem: Problem | None = None
        self._row_problem: Problem | None = None
        self.saves_memory = False
        """Whether the next attempt is to use less memory, since the system killed the last one."""

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._job.id

    @property
    def request(self) -> Request:
        """The request as stored."""
        return self._job.request

    def start(self) -> bool:
        """Claim the job and build its command. Return False if it is not to be run here."""
        try:
            if self._job.status == "queued":
                self._job = self._library.queue.start(self._job)
            if self._job.status != "running" or not self._library.queue.owns(self.job_id):
                # It has ended, or another process was faster to claim it.
                self.status = self._job.status
                return False
            self._report(JobChanged(self._job))
            return self._prepare()
        except ProblemError as error:
            self.end(Failed(self.job_id, error.problem))
        except Exception as error:
            self.end(Failed(self.job_id, unexpected(error)))
        return False

    def restart(self) -> bool:
        """Start again for the rows still missing. Return False if the job has ended already."""
        self._row_problem = None
        return self.start()

    def _prepare(self) -> bool:
        """Build the command. Return False if the job has ended already."""
        rows = self._library.queue.missing_rows(self._job)
        if not rows:
            self.end(Done(self.job_id))
            return False
        request = self._job.request
        model, *extra = self._registry.resolve_all(request)
        self.command = RunJob(
            job=self.job_id,
            request=with_model_defaults(request, self._registry.defaults(model)),
            rows=rows,
            model=model,
            extra_models=tuple(extra),
            saves_memory=self.saves_memory,
            work_dir=str(self._library.work_dir(self._job)),
            kept_dir=str(self._library.kept_dir(self._job)),
        )
        if self._runner.is_cancelled(self.job_id):
            self.end(Cancelled(self.job_id))
            return False
        return True

    def _say_that_it_saves_memory(self) -> None:
        self.on_event(
            Warned(
                self.job_id,
                "memory",
                sentence(
                    "The system stopped the engine, probably because memory ran out. The job is "
                    "tried once more in a way that needs less memory."
                ),
            )
        )

    def run_alone(self) -> None:
        """Run the job with a command of its own, and end it.

        Repeat when the engine restarts, and once with less memory if the system killed it.
        """
        final: Event
        if self.saves_memory:
            self._say_that_it_saves_memory()
        while True:
            try:
                final = self._engine.run(self.command, self.on_event)
            except Exception as error:
                final = Failed(self.job_id, unexpected(error))
            was_killed = isinstance(final, Failed) and final.was_killed and not self.saves_memory
            if was_killed:
                self.saves_memory = True
            elif not isinstance(final, Failed) or final.problem.kind != "engine_restarted":
                self.end(final)
                return
            if not self.restart():
                return
            if was_killed:
                self._say_that_it_saves_memory()

    def end(self, final: Event) -> None:
        """Store and report the final status that follows from the engine's final event."""
        assert isinstance(final, Done | Failed | Cancelled)
        try:
            final = self._outcome(final)
        except ProblemError as error:
            final = Failed(self.job_id, error.problem)
        except Exception as error:
            final = Failed(self.job_id, unexpected(error))
        self.status = self._finish(final)
        self._runner.mark_ended(self.job_id)

    def _outcome(self, final: Done | Failed | Cancelled) -> Done | Failed | Cancelled:
        """Return how the job ended, from the final event and the results in the library."""
        if self._problem is not None:
            return Failed(self.job_id, self._problem)
        if isinstance(final, Done) and self._row_problem is not None:
            return Failed(self.job_id, self._row_problem)
        if isinstance(final, Cancelled):
            return final
        missing = self._library.queue.missing_rows(self._job)
        if isinstance(final, Failed) and not missing:
            # It failed after all results were saved.
            return Done(self.job_id)
        if isinstance(final, Failed) and final.problem.kind == "bug":
            # The engine fails with "bug" if its work folder disappears: find the real reason.
            self._library.check_destination(self._job)
        if isinstance(final, Done) and missing:
            message = sentence(
                "The engine ended the job with results missing. Try again, and report this."
            )
            return Failed(self.job_id, Problem("bug", message))
        return final

    def on_event(self, event: Event) -> None:
        """Handle an event of the engine: record it, then report it."""
        if isinstance(event, FINAL_EVENTS) or self._problem is not None:
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
                    self._row_problem = self._row_problem or event.problem
                    self._library.queue.row_failed(self._job.id, event.row, event.problem)
                case Accepted() if self._runner.is_cancelled(self._job.id):
                    # It was cancelled before the engine accepted it.
                    self._engine.cancel(self._job.id)
            self._report(event)
        except ProblemError as error:
            self._abort(error.problem)
        except Exception as error:
            self._abort(unexpected(error))

    def _path_of(self, file: FileRef) -> Path:
        return self._engine.path_of(file, Path(self.command.work_dir))

    def _abort(self, problem: Problem) -> None:
        """Cancel the job, because its results cannot be recorded."""
        self._problem = problem
        self._engine.cancel(self._job.id)

    def _finish(self, final: Done | Failed | Cancelled) -> JobStatus:
        """Store and report the final status."""
        job_id = self._job.id
        status: JobStatus
        problem: Problem | None = None
        match final:
            case Done():
                status = "done"
            case Failed():
                status, problem = "failed", final.problem
            case Cancelled():
                if not self._runner.is_cancelled(job_id):
                    return "interrupted"
                status = "cancelled"
        try:
            self._job = self._library.queue.finish(job_id, status, problem)
        except ProblemError as error:
            # The disk is full or disconnected: the job stays `running` and can be resumed later.
            final, status = Failed(job_id, problem or error.problem), "failed"
        self._report(final)
        self._report(JobChanged(self._job))
        return status
