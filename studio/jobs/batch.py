"""A table as a batch: stored as a whole before it runs, resumed without making anything twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from studio.jobs.results import LINE_LABEL
from studio.jobs.table import Table
from studio.kinds.coding import shared_settings
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import problem


def batch_id(table_file: Path, output: str) -> str:
    """Return the name under which a table's jobs are kept: its content and where it writes.

    Running the same table into the same folder again means the same batch.
    """
    content = hashlib.sha256(table_file.read_bytes())
    content.update(output.encode())
    return f"batch-{content.hexdigest()[:24]}"


def start(library: Library, table: Table, batch: str, output: str) -> list[Job]:
    """Store every row of a table, all or none, as jobs of this process.

    Raises `ProblemError`: an input file is not there, or the disk is full.
    """
    return library.queue.enqueue(
        [row.request for row in table.rows],
        batch=batch,
        output=output,
        labels=[{**row.labels, LINE_LABEL: str(row.line)} for row in table.rows],
        claim=True,
    )


class Left:
    """The jobs of a table that have something left to make, ready to run, each once.

    It is a `lanes.JobSource`. Iterating gives them in their order. What another build wrote and
    this one cannot carry out is left as it is.
    """

    def __init__(self, library: Library, jobs: Sequence[Job]) -> None:
        self._library = library
        self._left = {job.id: job for job in jobs}
        self._alike: dict[tuple[object, ...], deque[Job]] = defaultdict(deque)
        for job in jobs:
            if (settings := shared_settings(job.request)) is not None:
                self._alike[settings].append(job)

    def __iter__(self) -> Iterator[Job]:
        while (job := self.next(lambda _: True)) is not None:
            yield job

    def next(self, suits: Callable[[Job], bool]) -> Job | None:
        """Return the first job that suits."""
        for job in list(self._left.values()):
            if suits(job) and (ready := self._ready(job)) is not None:
                return ready
        return None

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return jobs that can share calls of the model: with `job`, at most `rows` rows."""
        settings = shared_settings(job.request)
        alike = self._alike[settings] if settings is not None else deque[Job]()
        room = rows - len(self._library.queue.missing_rows(job))
        chosen: list[Job] = []
        # Nobody is made to wait long by a job that is too large for this time.
        while alike and alike[0].request.count <= room:
            other = self._ready(alike.popleft())
            if other is not None:
                chosen.append(other)
                room -= len(self._library.queue.missing_rows(other))
        return chosen

    def _ready(self, job: Job) -> Job | None:
        if self._left.pop(job.id, None) is None:
            return None
        now = self._library.queue.get(job.id)
        if now is None or now.status == "done" or now.unsupported_reason is not None:
            return None
        return now if now.status == "running" else self._library.retries.resume(now.id, claim=True)


def resumable(library: Library, batch: str) -> list[Job]:
    """Return the jobs of a batch in the order of its lines. Raises `ProblemError` if none."""
    jobs = latest_of(library, batch)
    if not jobs:
        raise problem(
            "bad_input",
            "This table was not started into this folder yet. Run it without --resume.",
        )
    return jobs


def latest_of(library: Library, batch: str) -> list[Job]:
    """Return the jobs of a batch in the order of its lines, of each line the one run last."""
    jobs = [job for job in library.queue.list(limit=1_000_000) if job.batch == batch]
    latest: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: job.number):
        latest[job.labels.get(LINE_LABEL, job.id)] = job
    return sorted(latest.values(), key=lambda job: int(job.labels.get(LINE_LABEL, "0")))
