"""What is left of the queue: kept in mind, so that ten thousand jobs are not read at each look."""

from __future__ import annotations

import threading
from collections import defaultdict

from msgspec import Struct

from studio.jobs.estimate import Estimator, Part, part_of
from studio.library.store import Library
from studio.protocol import Request

_ONE_BY_ONE = 50
"""New jobs that are read singly; of more, all are read at once."""

_ALL = 1_000_000


class Left(Struct, frozen=True):
    """Seconds that the waiting jobs need, and those that run, by id, None where unknown.

    `waiting` leaves out `unknown` jobs, of whose model nothing is known. Those that run
    together have the seconds of them all.
    """

    waiting: float = 0.0
    unknown: int = 0
    running: dict[str, float | None] = {}


class Backlog:
    """The waiting jobs of one library, by what their time depends on. Safe from any thread."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._parts: dict[str, Part | None] = {}

    def left(self, estimator: Estimator) -> Left:
        """Look at the library again and tell. Raises `ProblemError` when the disk fails."""
        with self._lock:
            self._look()
            parts = [part for part in self._parts.values() if part is not None]
        waiting, unknown = estimator.together(parts)
        running: dict[str, float | None] = {}
        alike: dict[tuple[str, Request], list[tuple[str, Part]]] = defaultdict(list)
        for job in self._library.queue.list("running"):
            part = part_of(job)
            alike[part.batch or job.id, part.request].append((job.id, part))
        for (_, request), group in alike.items():
            rows = sum(part.rows for _, part in group)
            seconds = estimator.seconds(request, rows, len(group)) if rows else 0.0
            running.update((job, seconds) for job, _ in group)
        return Left(waiting, unknown, running)

    def _look(self) -> None:
        ids = self._library.queue.waiting()
        new = [job for job in ids if job not in self._parts]
        if len(new) > _ONE_BY_ONE:
            jobs = self._library.queue.list("queued", _ALL)
        else:
            jobs = [job for known in new if (job := self._library.queue.get(known)) is not None]
        for job in jobs:
            # What another build wrote and this one cannot carry out takes no time here.
            self._parts[job.id] = part_of(job) if job.unsupported_reason is None else None
        self._parts = {job: self._parts[job] for job in ids if job in self._parts}
