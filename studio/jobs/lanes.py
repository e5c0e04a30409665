"""Jobs side by side: a lane for each engine, each running what its engine can."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from studio.engine.api import Engine
from studio.jobs.runner import AssetSaved, JobChanged, PreviewSaved, Report, Runner
from studio.kinds.coding import shared_settings
from studio.kinds.registry import known_kind
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Event, ProblemError, Request

Suits = Callable[[Job], bool]


class JobSource(Protocol):
    """Where lanes get their jobs. It is asked by one lane at a time."""

    def next(self, suits: Suits) -> Job | None:
        """Return the first job that suits, to be run now; None where there is none."""
        ...

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return jobs that can share calls with `job`: with it, at most `rows` rows."""
        ...


class JobList:
    """Jobs that are run in their order, each by itself."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._left = list(jobs)

    def next(self, suits: Suits) -> Job | None:
        """Return the first that suits and was not returned before."""
        for place, job in enumerate(self._left):
            if suits(job):
                return self._left.pop(place)
        return None

    def companions(self, _job: Job, _rows: int) -> Sequence[Job]:
        """Return nothing."""
        return ()


class LibraryQueue:
    """What waits in a library's queue."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def next(self, suits: Suits) -> Job | None:
        """Return the first job in turn that suits."""
        return self._library.next_job(suits)

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return those of its batch that wait and may overtake the others."""
        return self._library.queue.companions(job, rows)


class Lane:
    """An engine and the jobs that it runs now. Made by `Lanes`."""

    def __init__(self, engine: Engine, runner: Runner) -> None:
        self.engine = engine
        self.runner = runner
        self.running: tuple[str, ...] = ()
        """Ids of the jobs that run and have not ended."""
        self.taken: tuple[str, ...] = ()
        """Ids of those that were taken last, the first in turn before those that go along."""


class Lanes:
    """Gives the jobs of a source to engines. All methods may be called from any thread.

    A job runs on an engine that can run it. Jobs of a batch that share calls stay on the engine
    that has begun with them.
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
        """The ids of the jobs that run now, lane by lane."""
        return tuple(job for lane in self._lanes for job in lane.running)

    def take(self, lane: Lane) -> list[Job]:
        """Return what a lane is to run next, together; nothing where nothing is there for it.

        They count as running from now on. Raises `ProblemError` when the disk fails.
        """
        with self._lock:
            if self._closed:
                return []
            taken = {job for other in self._lanes for job in other.running}
            job = self._source.next(lambda job: job.id not in taken and self._suits(lane, job))
            if job is None:
                return []
            rows = lane.runner.rows_together(job)
            along = [other for other in self._source.companions(job, rows) if other.id not in taken]
            if len(self._lanes) > 1 and rows and (batch := _batch(job)) is not None:
                self._lane_of_batch[batch] = lane
            jobs = [job, *along]
            lane.running = lane.taken = tuple(job.id for job in jobs)
            return jobs

    def run(self, lane: Lane, jobs: Sequence[Job], report: Report) -> None:
        """Run in this thread what `take` has returned."""

        def hear(event: Event | AssetSaved | PreviewSaved | JobChanged) -> None:
            if isinstance(event, JobChanged) and event.job.status != "running":
                lane.running = tuple(job for job in lane.running if job != event.job.id)
            report(event)

        try:
            lane.runner.run_together(jobs, hear)
        finally:
            lane.running = ()

    def run_all(self, report: Report) -> None:
        """Run jobs until there are no more: the first lane in this thread, others in their own.

        `report` is called by one thread at a time. Raises what the source raises.
        """
        reporting = threading.RLock()
        errors: list[Exception] = []

        def report_in_turn(event: Event | AssetSaved | PreviewSaved | JobChanged) -> None:
            with reporting:
                report(event)

        def work(lane: Lane) -> None:
            try:
                while jobs := self.take(lane):
                    self.run(lane, jobs, report_in_turn)
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
            # Ctrl+C, a second time: nothing is waited for.
            self.stop()
            raise
        finally:
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]

    def cancel(self, job: str) -> bool:
        """Cancel a job if it runs now; returns whether it does."""
        lane = next((lane for lane in self._lanes if job in lane.running), None)
        if lane is None:
            return False
        lane.runner.cancel(job)
        return True

    def cancel_all(self) -> None:
        """Cancel every job that runs, and take no other."""
        with self._lock:
            self._closed = True
        for job in self.running:
            self.cancel(job)

    def stop(self) -> None:
        """Stop every engine and take no other job. What runs is interrupted."""
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
        # What no engine can run is given to the first, which says why.
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
            # Its run says so.
            return True
        return all(model.format in can.formats for model in models)


def stop_engines(engines: Sequence[Engine]) -> None:
    """Stop engines, all at the same time."""
    threads = [threading.Thread(target=engine.stop) for engine in engines[1:]]
    for thread in threads:
        thread.start()
    with contextlib.ExitStack() as joined:
        for thread in threads:
            joined.callback(thread.join)
        for engine in engines[:1]:
            engine.stop()


def _batch(job: Job) -> tuple[str, tuple[object, ...]] | None:
    """Return what jobs have in common that may share calls; None for one that shares none."""
    settings = shared_settings(job.request)
    return (job.batch, settings) if job.batch and settings is not None else None
