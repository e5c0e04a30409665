"""Run jobs in parallel, one lane for each engine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from studio.engine.api import Engine
from studio.jobs.runner import JobChanged, Report, Runner, RunnerEvent
from studio.kinds.coding import shared_settings
from studio.kinds.registry import known_kind
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, Request

JobFilter = Callable[[Job], bool]


class JobSource(Protocol):
    """Where lanes get their jobs. Called by one lane at a time."""

    def next(self, suits: JobFilter) -> Job | None:
        """Return the next job for which `suits` is true, to run now; None if there is none."""
        ...

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return jobs that can share model calls with `job`, at most `rows` rows including it."""
        ...


class JobList:
    """A fixed list of jobs, each run alone, in their order."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._remaining = list(jobs)

    def next(self, suits: JobFilter) -> Job | None:
        """Remove and return the first job for which `suits` is true."""
        for index, job in enumerate(self._remaining):
            if suits(job):
                return self._remaining.pop(index)
        return None

    def companions(self, _job: Job, _rows: int) -> Sequence[Job]:
        """Return no jobs."""
        return ()


class LibraryQueue:
    """The waiting jobs of a library's queue."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def next(self, suits: JobFilter) -> Job | None:
        """Return the first waiting job for which `suits` is true."""
        return self._library.next_job(suits)

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return waiting jobs of the same batch, as `JobQueue.companions`."""
        return self._library.queue.companions(job, rows)


class Lane:
    """An engine and its current jobs. Created by `Lanes`."""

    def __init__(self, engine: Engine, runner: Runner) -> None:
        self.engine = engine
        self.runner = runner
        self.running: tuple[str, ...] = ()
        """Ids of the jobs that have not ended yet."""
        self.last_taken: tuple[str, ...] = ()
        """Ids of the jobs taken last: the next one of the queue, then its companions."""


class Lanes:
    """Distributes the jobs of a source to engines. Thread-safe.

    A job goes to an engine that supports it. Jobs of a batch that share model calls stay on the
    engine that got the first of them.
    """

    def __init__(
        self, library: Library, engines: Sequence[Engine], registry: Registry, source: JobSource
    ) -> None:
        self._registry = registry
        self._source = source
        self._lock = threading.Lock()
        self._lanes = tuple(Lane(engine, Runner(library, engine, registry)) for engine in engines)
        self._lane_of_batch: dict[tuple[str, tuple[object, ...]], Lane] = {}
        self._closed = False

    @property
    def lanes(self) -> Sequence[Lane]:
        """One for each engine, in their order."""
        return self._lanes

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of all running jobs, lane by lane."""
        return tuple(job for lane in self._lanes for job in lane.running)

    def take(self, lane: Lane) -> list[Job]:
        """Return the jobs that a lane is to run next, in one group; empty if there are none.

        They count as running from now on. Raises `ProblemError` if the disk fails.
        """
        with self._lock:
            if self._closed:
                return []
            taken = {job for other in self._lanes for job in other.running}
            job = self._source.next(lambda job: job.id not in taken and self._suits(lane, job))
            if job is None:
                return []
            rows = lane.runner.rows_together(job)
            others = [o for o in self._source.companions(job, rows) if o.id not in taken]
            if len(self._lanes) > 1 and rows and (batch := _batch(job)) is not None:
                self._lane_of_batch[batch] = lane
            jobs = [job, *others]
            lane.running = lane.last_taken = tuple(job.id for job in jobs)
            return jobs

    def run(self, lane: Lane, jobs: Sequence[Job], report: Report) -> None:
        """Run the jobs that `take` returned, in this thread."""

        def on_event(event: RunnerEvent) -> None:
            if isinstance(event, JobChanged) and event.job.status != "running":
                lane.running = tuple(job for job in lane.running if job != event.job.id)
            report(event)

        try:
            lane.runner.run_together(jobs, on_event)
        finally:
            lane.running = ()

    def run_all(self, report: Report) -> None:
        """Run jobs until the source is empty: the first lane in this thread, others in their own.

        `report` is called by one thread at a time. Re-raises exceptions of the source.
        """
        reporting = threading.RLock()
        errors: list[Exception] = []

        def report_locked(event: RunnerEvent) -> None:
            with reporting:
                report(event)

        def work(lane: Lane) -> None:
            try:
                while jobs := self.take(lane):
                    self.run(lane, jobs, report_locked)
            except Exception as error:
                errors.append(error)

        first, *others = self._lanes
        threads = [
            threading.Thread(target=work, args=(lane,), name=f"studio-lane-{lane.engine.name}")
            for lane in others
        ]
        for thread in threads:
            thread.start()
        try:
            work(first)
            for thread in threads:
                thread.join()
        except BaseException:
            # A second Ctrl+C: do not wait for jobs to finish.
            self.stop()
            raise
        finally:
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]

    def cancel(self, job: str) -> bool:
        """Cancel a job if it is running; return whether it is."""
        lane = next((lane for lane in self._lanes if job in lane.running), None)
        if lane is None:
            return False
        lane.runner.cancel(job)
        return True

    def restart_engine(self, job: str) -> bool:
        """Restart the engine that runs a job, which then continues; return whether there is one."""
        lane = next((lane for lane in self._lanes if job in lane.running), None)
        if lane is None:
            return False
        lane.engine.restart()
        return True

    def cancel_all(self) -> None:
        """Cancel all running jobs and take no more."""
        with self._lock:
            self._closed = True
        for job in self.running:
            self.cancel(job)

    def stop(self) -> None:
        """Stop all engines and take no more jobs. Running jobs are interrupted."""
        with self._lock:
            self._closed = True
        stop_engines([lane.engine for lane in self._lanes])

    def _suits(self, lane: Lane, job: Job) -> bool:
        if len(self._lanes) == 1:
            return True
        batch = _batch(job)
        chosen = self._lane_of_batch.get(batch) if batch is not None else None
        if chosen is not None:
            return chosen is lane
        if self._can_run(lane.engine, job.request):
            return True
        # A job that no engine supports goes to the first, which fails it with the reason.
        is_first = lane is self._lanes[0]
        return is_first and not any(self._can_run(o.engine, job.request) for o in self._lanes[1:])

    def _can_run(self, engine: Engine, request: Request) -> bool:
        can, kind = engine.abilities, known_kind(request.task)
        if kind is None or kind.task not in can.tasks:
            return False
        if can.formats.issuperset(kind.formats):
            return True
        try:
            models = self._registry.resolve_all(request)
        except ProblemError:
            # The runner reports the problem.
            return True
        return all(model.format in can.formats for model in models)


def stop_engines(engines: Sequence[Engine]) -> None:
    """Stop engines in parallel."""
    threads = [threading.Thread(target=engine.stop) for engine in engines[1:]]
    for thread in threads:
        thread.start()
    with contextlib.ExitStack() as joined:
        for thread in threads:
            joined.callback(thread.join)
        for engine in engines[:1]:
            engine.stop()


def _batch(job: Job) -> tuple[str, tuple[object, ...]] | None:
    """Return a key that is equal for jobs that can share model calls; None if a job cannot."""
    settings = shared_settings(job.request)
    return (job.batch, settings) if job.batch and settings is not None else None
