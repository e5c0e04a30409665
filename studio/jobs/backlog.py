"""How long the queue still takes. Caches what is known of waiting jobs: there may be 10,000."""

from __future__ import annotations

import threading
from collections import defaultdict

from msgspec import Struct

from studio.jobs.estimate import Estimator, PendingWork, pending_work
from studio.library.store import Library
from studio.protocol import Request

_MAX_SINGLE_READS = 50
"""With more new jobs than this, the whole queue is read in one query."""

_NO_LIMIT = 1_000_000


class RemainingTime(Struct, frozen=True):
    """Estimated time until the queue is finished.

    `waiting` is the seconds of all waiting jobs except the `unknown` ones, for whose models there
    are no samples. `running` holds the seconds of each running job by id, None if unknown; jobs
    that share calls of the model all have the seconds of the whole group.
    """

    waiting: float = 0.0
    unknown: int = 0
    running: dict[str, float | None] = {}


class Backlog:
    """The waiting jobs of a library, reduced to what their time depends on. Thread-safe."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._work_of: dict[str, PendingWork | None] = {}

    def remaining(self, estimator: Estimator) -> RemainingTime:
        """Read the queue again and estimate it. Raises `ProblemError` if the disk fails."""
        with self._lock:
            self._refresh()
            works = [work for work in self._work_of.values() if work is not None]
        waiting, unknown = estimator.total_seconds(works)
        running: dict[str, float | None] = {}
        groups: dict[tuple[str, Request], list[tuple[str, PendingWork]]] = defaultdict(list)
        for job in self._library.queue.list("running"):
            work = pending_work(job)
            groups[work.batch or job.id, work.request].append((job.id, work))
        for (_, request), group in groups.items():
            rows = sum(work.rows for _, work in group)
            seconds = estimator.seconds(request, rows, len(group)) if rows else 0.0
            running.update((job, seconds) for job, _ in group)
        return RemainingTime(waiting, unknown, running)

    def _refresh(self) -> None:
        ids = self._library.queue.waiting()
        new = [job_id for job_id in ids if job_id not in self._work_of]
        if len(new) > _MAX_SINGLE_READS:
            jobs = self._library.queue.list("queued", _NO_LIMIT)
        else:
            jobs = [job for job_id in new if (job := self._library.queue.get(job_id)) is not None]
        for job in jobs:
            # A job of another version that this one cannot run takes no time here.
            self._work_of[job.id] = pending_work(job) if job.unsupported_reason is None else None
        self._work_of = {job_id: self._work_of[job_id] for job_id in ids if job_id in self._work_of}
