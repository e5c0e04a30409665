"""The jobs of the server: they wait in one line, run on the engines and report to who asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from msgspec import Struct

from studio.engine.api import Engine
from studio.jobs.documents.embedder import STEP, embed_on
from studio.jobs.lanes import JobFilter, Lane, Lanes
from studio.jobs.runner import JobChanged, RunnerEvent
from studio.kinds.coding import shared_settings
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    Failed,
    JobStatus,
    ModelRef,
    Problem,
    ProblemError,
    Request,
    sentence,
)
from studio.serve.uploads import uploaded

MAX_WAITING = 200
"""Requests that may wait; more are refused."""

IDLE_SECONDS = 600.0
"""After so long without a request, the models are removed from memory."""

_STOP_SECONDS = 20.0


class JobEnded(Struct, frozen=True):
    """The last report about a job. `problem` says why it failed."""

    status: JobStatus
    problem: Problem | None = None


Listener = Callable[[RunnerEvent | JobEnded], None]
"""Gets the reports about one job, on the thread that runs it."""


class WaitingJobs:
    """The jobs that wait, oldest first. Thread-safe."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Append a job."""
        with self._lock:
            self._jobs.append(job)

    def remove(self, job_id: str) -> bool:
        """Remove a job; return whether it was waiting."""
        with self._lock:
            left = [job for job in self._jobs if job.id != job_id]
            was_waiting = len(left) < len(self._jobs)
            self._jobs = left
        return was_waiting

    def next(self, suits: JobFilter) -> Job | None:
        """Remove and return the oldest job for which `suits` is true."""
        with self._lock:
            found = next((job for job in self._jobs if suits(job)), None)
            if found is not None:
                self._jobs.remove(found)
        return found

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Remove and return jobs that can share model calls with `job`.

        Together with `job` they have at most `rows` rows. The oldest job is always taken first,
        so none waits for ever.
        """
        shared = shared_settings(job.request)
        room = rows - job.request.count
        chosen: list[Job] = []
        with self._lock:
            for other in list(self._jobs) if shared is not None else ():
                size = other.request.count
                if size <= room and shared_settings(other.request) == shared:
                    chosen.append(other)
                    room -= size
                    self._jobs.remove(other)
        return chosen


class JobBoard:
    """Runs the jobs of the server. Its methods may be called from any thread.

    With `keeps`, results stay in the library; otherwise they are deleted when nobody needs them
    any more (`release`).
    """

    def __init__(
        self,
        library: Library,
        engines: Sequence[Engine],
        registry: Registry,
        *,
        keeps: bool,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._library = library
        self._keeps = keeps
        self._idle_seconds = idle_seconds
        self._waiting = WaitingJobs()
        self._lanes = Lanes(library, engines, registry, self._waiting)
        self._changed = threading.Condition()
        self._wakes = 0
        self._embeddings = 0
        self._has_embedded = False
        self._is_closed = False
        self._listeners: dict[str, Listener] = {}
        self._problems: dict[str, Problem] = {}
        self._released: set[str] = set()
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"serve-{lane.engine.name}")
            for lane in self._lanes.lanes
        ]

    def start(self) -> None:
        """Start the threads that run jobs."""
        for thread in self._threads:
            thread.start()

    @property
    def is_full(self) -> bool:
        """Whether so many requests wait that more are refused."""
        return len(self._waiting) >= MAX_WAITING

    def uploaded(self, files: Mapping[str, bytes]) -> AbstractContextManager[Mapping[str, Path]]:
        """Return a context in which pictures that came with a request are files (`uploaded`)."""
        return uploaded(self._library.root, files, keeps=self._keeps)

    def submit(self, request: Request, listener: Listener) -> Job:
        """Store a request as a job of this process and put it in line.

        `listener` gets all reports about it; the last one is always `JobEnded`. Raises
        `ProblemError` like `JobQueue.enqueue`, and `cancelled` after `close`.
        """
        (job,) = self._library.queue.enqueue([request], claim=True)
        with self._changed:
            is_closed = self._is_closed
            if not is_closed:
                self._listeners[job.id] = listener
                self._waiting.add(job)
                self._wake()
        if is_closed:
            self._drop(job.id)
            raise ProblemError(_stopped())
        return job

    def embed(
        self, model: ModelRef, texts: Sequence[str], are_questions: bool, stopped: threading.Event
    ) -> tuple[list[bytes], int]:
        """Return a vector for each text, and how many tokens were read, a few texts at a time.

        Jobs come between. Blocks. Raises `ProblemError`, also if `stopped` is set or the board is
        closed.
        """
        engine = self._lanes.lanes[0].engine
        vectors: list[bytes] = []
        tokens = 0
        with self._embedding():
            for at in range(0, len(texts), STEP):
                if stopped.is_set() or self._is_closed:
                    raise ProblemError(_stopped())
                found = embed_on(engine, model, tuple(texts[at : at + STEP]), are_questions)
                vectors += found.vectors
                tokens += found.tokens
        return vectors, tokens

    @contextlib.contextmanager
    def _embedding(self) -> Iterator[None]:
        """Keep the engine as it is meanwhile, and its memory in mind afterwards."""
        with self._changed:
            self._embeddings += 1
        try:
            yield
        finally:
            with self._changed:
                self._embeddings -= 1
                self._has_embedded = True
                self._wake()

    def cancel(self, job_id: str) -> None:
        """Cancel a job, waiting or running. Does nothing if it has ended."""
        if self._waiting.remove(job_id):
            self._drop(job_id)
            self._end(job_id, JobEnded("cancelled"))
            return
        for lane in self._lanes.lanes:
            lane.runner.cancel(job_id)

    def release(self, job_id: str) -> None:
        """Say that the results of a job have been delivered, or that nobody waits for them.

        A job that still runs is cancelled.
        """
        with self._changed:
            has_ended = job_id not in self._listeners
            if not has_ended:
                self._released.add(job_id)
        if has_ended:
            self._discard(job_id)
        else:
            self.cancel(job_id)

    def close(self) -> None:
        """Cancel what waits and what runs, and wait until both have ended.

        What is finished of a running job is recorded.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            waiting = list(self._listeners)
        for job_id in waiting:
            if self._waiting.remove(job_id):
                self._drop(job_id)
                self._end(job_id, JobEnded("cancelled"))
        self._lanes.cancel_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_STOP_SECONDS)

    # ---- on the threads that run jobs

    def _work(self, lane: Lane) -> None:
        seen = -1
        has_run = False
        while True:
            with self._changed:
                is_awake = self._changed.wait_for(
                    partial(self._has_changed, seen),
                    self._idle_seconds if has_run or self._has_embedded else None,
                )
                if self._is_closed:
                    return
                seen = self._wakes
            if not is_awake and not self._embeddings:
                # Ends its process, and with it the memory of the models; the next job starts it.
                lane.engine.restart()
                has_run = self._has_embedded = False
            while jobs := self._lanes.take(lane):
                has_run = True
                try:
                    self._lanes.run(lane, jobs, self._report)
                finally:
                    for job in jobs:
                        # Has an effect only if the end could not be stored.
                        failed = self._problems.get(job.id)
                        self._end(job.id, JobEnded("failed", failed or _stopped()))
                with self._changed:
                    self._wake()

    def _report(self, event: RunnerEvent) -> None:
        if isinstance(event, JobChanged):
            job = event.job
            if job.status not in ("queued", "running"):
                self._end(job.id, JobEnded(job.status, job.problem))
            return
        job_id = getattr(event, "job", "")
        if isinstance(event, Failed):
            self._problems[job_id] = event.problem
        listener = self._listeners.get(job_id)
        if listener is not None:
            listener(event)

    def _end(self, job_id: str, ended: JobEnded) -> None:
        """Report the end of a job, once."""
        with self._changed:
            listener = self._listeners.pop(job_id, None)
            is_released = job_id in self._released
            self._released.discard(job_id)
            self._problems.pop(job_id, None)
        if listener is not None:
            listener(ended)
        if is_released:
            self._discard(job_id)

    def _drop(self, job_id: str) -> None:
        """Store that a job that never ran was cancelled."""
        with contextlib.suppress(ProblemError):  # saved with the next job
            self._library.queue.finish(job_id, "cancelled")

    def _discard(self, job_id: str) -> None:
        if self._keeps:
            return
        # What cannot be deleted now goes with the folder, when the server ends.
        with contextlib.suppress(ProblemError, OSError):
            self._library.trash.put(asset.id for asset in self._library.assets.of_job(job_id))
            self._library.trash.empty()
            self._library.queue.remove(job_id)

    def _has_changed(self, seen: int) -> bool:
        return self._is_closed or self._wakes != seen

    def _wake(self) -> None:
        self._wakes += 1
        self._changed.notify_all()


def _stopped() -> Problem:
    return Problem("cancelled", sentence("The server was stopped. Start it again."))
