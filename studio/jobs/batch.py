"""A table as a batch: stored as a whole before it runs, resumed without making anything twice."""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import io
import os
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.jobs.runner import AssetSaved
from studio.jobs.table import Table
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import (
    Failed,
    Problem,
    RowFailed,
    problem,
    shared_settings,
    task_of,
)

RESULTS = "results.csv"
LINE_LABEL = "line"
_COLUMNS = ("line", "task", "row", "path", "seed", "seconds", "error")


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
    return library.enqueue(
        [row.request for row in table.rows],
        batch=batch,
        output=output,
        labels=[{**row.labels, LINE_LABEL: str(row.line)} for row in table.rows],
        claim=True,
    )


class Results:
    """`results.csv` in the output folder: a line for each result and each failure, as it comes.

    Lines of an earlier run stay; a result is listed once.
    """

    def __init__(self, folder: Path, jobs: list[Job]) -> None:
        self.path = folder / RESULTS
        self._place = _identity(folder)
        self._jobs = {job.id: job for job in jobs}
        self._lock = threading.Lock()
        self._listed = self._read()
        self._failed_by_row: set[str] = set()

    def catch_up(self, library: Library) -> None:
        """List what an earlier run made but could not list: it was killed, or the disk was full."""
        for job in self._jobs.values():
            for asset in library.assets_of(job.id):
                self._list(asset)

    def hear(self, event: object) -> None:
        """Write down what a runner reports. A table that cannot be written is passed over."""
        match event:
            case AssetSaved():
                self._list(event.asset)
            case RowFailed():
                self._failed_by_row.add(event.job)
                self._write(event.job, event.row, error=event.problem)
            case Failed() if event.job not in self._failed_by_row:
                self._write(event.job, None, error=event.problem)

    def _list(self, asset: Asset) -> None:
        seconds = f"{asset.seconds:.3f}"
        self._write(asset.job, asset.row, str(asset.path), str(asset.recipe.seed), seconds)

    def _read(self) -> set[str]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                return {row.get("path") or "" for row in csv.DictReader(file)}
        except (OSError, csv.Error, UnicodeDecodeError):
            return set()

    def _write(
        self,
        job_id: str,
        row: int | None,
        path: str = "",
        seed: str = "",
        seconds: str = "",
        error: Problem | None = None,
    ) -> None:
        job = self._jobs.get(job_id)
        if job is None or (path and path in self._listed):
            return
        line = [
            job.labels.get(LINE_LABEL, ""),
            task_of(job.request),
            "" if row is None else str(row),
            path,
            seed,
            seconds,
            "" if error is None else str(error.message),
        ]
        with self._lock, contextlib.suppress(OSError):
            self._append(line)
            self._listed.add(path)

    def _append(self, line: list[str]) -> None:
        """Add one line, whole or not at all. Raises `OSError`."""
        if _identity(self.path.parent) != self._place:
            raise OSError(f"{self.path.parent} was unplugged or moved")
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        with self.path.open("a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            start = b""
            if end == 0:
                # The mark lets spreadsheet programs read Chinese.
                start = codecs.BOM_UTF8
                writer.writerow(_COLUMNS)
            else:
                file.seek(end - 1)
                start = b"" if file.read(1) == b"\n" else b"\r\n"
            writer.writerow(line)
            data = start + text.getvalue().encode("utf-8", "replace")
            try:
                is_whole = file.write(data) == len(data)
            except OSError:
                is_whole = False
            if not is_whole:
                file.truncate(end)
                raise OSError(f"no room for a line in {self.path}")


def _identity(folder: Path) -> tuple[int, int]:
    held = folder.stat()
    return held.st_dev, held.st_ino


class Left:
    """The jobs of a table that have something left to make, ready to run, each once.

    Iterating gives them in their order. Whoever runs one may take `companions` out of turn.
    """

    def __init__(self, library: Library, jobs: Sequence[Job]) -> None:
        self._library = library
        self._jobs = jobs
        self._given: set[str] = set()
        self._alike: dict[tuple[object, ...], deque[Job]] = defaultdict(deque)
        for job in jobs:
            if (settings := shared_settings(job.request)) is not None:
                self._alike[settings].append(job)

    def __iter__(self) -> Iterator[Job]:
        for job in self._jobs:
            if (ready := self._ready(job)) is not None:
                yield ready

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return jobs that can share calls of the model: with `job`, at most `rows` rows."""
        settings = shared_settings(job.request)
        alike = self._alike[settings] if settings is not None else deque[Job]()
        room = rows - len(self._library.missing_rows(job))
        chosen: list[Job] = []
        # Nobody is made to wait long by a job that is too large for this time.
        while alike and alike[0].request.count <= room:
            other = self._ready(alike.popleft())
            if other is not None:
                chosen.append(other)
                room -= len(self._library.missing_rows(other))
        return chosen

    def _ready(self, job: Job) -> Job | None:
        if job.id in self._given:
            return None
        self._given.add(job.id)
        now = self._library.job(job.id)
        if now is None or now.status == "done":
            return None
        return now if now.status == "running" else self._library.resume(now.id, claim=True)


def resumable(library: Library, batch: str) -> list[Job]:
    """Return the jobs of a batch in the order of its lines. Raises `ProblemError` if none."""
    jobs = [job for job in library.jobs(limit=1_000_000) if job.batch == batch]
    if not jobs:
        raise problem(
            "bad_input",
            "This table was not started into this folder yet. Run it without --resume.",
        )
    latest: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: job.number):
        latest[job.labels.get(LINE_LABEL, job.id)] = job
    return sorted(latest.values(), key=lambda job: int(job.labels.get(LINE_LABEL, "0")))
