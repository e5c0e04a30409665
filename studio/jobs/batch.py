"""Run a table as a batch: store all rows first; resume without repeating finished ones."""

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
    """Return the id of the batch of a table: a hash of its content and its output folder.

    Running the same table with the same output folder again gives the same id.
    """
    content = hashlib.sha256(table_file.read_bytes())
    content.update(output.encode())
    return f"batch-{content.hexdigest()[:24]}"


def enqueue_table(library: Library, table: Table, batch: str, output: str) -> list[Job]:
    """Store every row of a table as a job claimed by this process, all or none.

    Raises `ProblemError` if an input file does not exist or the disk is full.
    """
    return library.queue.enqueue(
        [row.request for row in table.rows],
        batch=batch,
        output=output,
        labels=[{**row.labels, LINE_LABEL: str(row.line)} for row in table.rows],
        claim=True,
    )


class RemainingJobs:
    """The jobs of a batch that still have results to make, each returned once.

    A `lanes.JobSource`. Iterating yields the jobs in their order. Jobs of another version that
    this one cannot run are skipped and left unchanged.
    """

    def __init__(self, library: Library, jobs: Sequence[Job]) -> None:
        self._library = library
        self._remaining = {job.id: job for job in jobs}
        self._by_settings: dict[tuple[object, ...], deque[Job]] = defaultdict(deque)
        for job in jobs:
            if (settings := shared_settings(job.request)) is not None:
                self._by_settings[settings].append(job)

    def __iter__(self) -> Iterator[Job]:
        while (job := self.next(lambda _: True)) is not None:
            yield job

    def next(self, suits: Callable[[Job], bool]) -> Job | None:
        """Return the first remaining job for which `suits` is true."""
        for job in list(self._remaining.values()):
            if suits(job) and (ready := self._ready(job)) is not None:
                return ready
        return None

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return jobs that can share model calls with `job`, at most `rows` rows including it."""
        settings = shared_settings(job.request)
        candidates = self._by_settings[settings] if settings is not None else deque[Job]()
        room = rows - len(self._library.queue.missing_rows(job))
        chosen: list[Job] = []
        # A job that does not fit ends the search, so that jobs behind it do not overtake it.
        while candidates and candidates[0].request.count <= room:
            other = self._ready(candidates.popleft())
            if other is not None:
                chosen.append(other)
                room -= len(self._library.queue.missing_rows(other))
        return chosen

    def _ready(self, job: Job) -> Job | None:
        if self._remaining.pop(job.id, None) is None:
            return None
        current = self._library.queue.get(job.id)
        if current is None or current.status == "done" or current.unsupported_reason is not None:
            return None
        if current.status == "running":
            return current
        return self._library.retries.resume(current.id, claim=True)


def resumable_jobs(library: Library, batch: str) -> list[Job]:
    """Return the jobs of a batch, as `latest_jobs`. Raises `ProblemError` if there are none."""
    jobs = latest_jobs(library, batch)
    if not jobs:
        raise problem(
            "bad_input",
            "This table has not been run with this output folder yet. Run it without --resume.",
        )
    return jobs


def latest_jobs(library: Library, batch: str) -> list[Job]:
    """Return the latest job for each line of a batch's table, in the order of the lines."""
    jobs = [job for job in library.queue.list(limit=1_000_000) if job.batch == batch]
    latest: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: job.number):
        latest[job.labels.get(LINE_LABEL, job.id)] = job
    return sorted(latest.values(), key=lambda job: int(job.labels.get(LINE_LABEL, "0")))
