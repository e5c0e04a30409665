"""A table as a batch: stored as a whole before it runs, resumed without making anything twice."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import threading
from pathlib import Path

from studio.jobs.runner import AssetSaved
from studio.jobs.table import Table
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import (
    Failed,
    Problem,
    RowFailed,
    problem,
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
        self._jobs = {job.id: job for job in jobs}
        self._lock = threading.Lock()
        self._listed = self._read()
        self._failed_by_row: set[str] = set()

    def hear(self, event: object) -> None:
        """Write down what a runner reports. A table that cannot be written is passed over."""
        match event:
            case AssetSaved():
                asset = event.asset
                seconds = f"{asset.seconds:.3f}"
                self._write(asset.job, asset.row, str(asset.path), str(asset.recipe.seed), seconds)
            case RowFailed():
                self._failed_by_row.add(event.job)
                self._write(event.job, event.row, error=event.problem)
            case Failed() if event.job not in self._failed_by_row:
                self._write(event.job, None, error=event.problem)

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
            is_new = not self.path.exists() or self.path.stat().st_size == 0
            # The mark lets spreadsheet programs read Chinese.
            encoding = "utf-8-sig" if is_new else "utf-8"
            with self.path.open("a", encoding=encoding, newline="") as file:
                writer = csv.writer(file)
                if is_new:
                    writer.writerow(_COLUMNS)
                writer.writerow(line)
            self._listed.add(path)


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
