"""A damaged index: set aside, and the jobs that can still be read in it taken over.

The results are files and come back by themselves; what waits or was interrupted stands in the
database alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.library.disk_problems import file_problem
from studio.library.index.database import FILE_NAME, Database, damage_mark
from studio.library.queue.stored_job import is_job
from studio.protocol import Problem, Sentence

SavedJob = dict[str, Any]
"""A row of the table of jobs: column → value."""


def set_aside(root: Path) -> tuple[Path, list[SavedJob]]:
    """Rename the damaged database in `root`. Returns its new path and the jobs found in it.

    Raises `ProblemError` where the folder cannot be written.
    """
    aside = root / f"library.damaged-{time.strftime('%Y%m%d-%H%M%S')}.db"
    saved = list(_readable(root / FILE_NAME))
    try:
        (root / FILE_NAME).replace(aside)
        for suffix in ("-wal", "-shm"):
            (root / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
        damage_mark(root / FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise file_problem(error, root) from error
    return aside, saved


def take_over(database: Database, saved: list[SavedJob]) -> int:
    """Put saved jobs into a new database; returns how many it took."""
    with database.write() as db:
        columns = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
        taken: set[str] = set()
        for job in sorted(saved, key=lambda job: int(job["number"])):
            job["retried_from"] = job["retried_from"] if job["retried_from"] in taken else None
            names = sorted(columns & job.keys())
            added = db.execute(
                f"INSERT OR IGNORE INTO jobs ({', '.join(names)}) "
                f"VALUES ({', '.join('?' * len(names))})",
                [job[name] for name in names],
            )
            if added.rowcount:
                taken.add(job["id"])
        return len(taken)


def notice(aside: Path, jobs: int, detail: str) -> Problem:
    """Return what the user should hear about it."""
    if jobs:
        said = Sentence(
            "The library's index was damaged. It was kept as {path} and rebuilt from your files. "
            "{count} jobs were recovered from it.",
            {"path": str(aside), "count": str(jobs)},
        )
    else:
        said = Sentence(
            "The library's index was damaged. It was kept as {path} and rebuilt from your files. "
            "Waiting jobs could not be recovered.",
            {"path": str(aside)},
        )
    return Problem("bad_input", said, detail)


def _readable(path: Path) -> Iterator[SavedJob]:
    """Yield the jobs that can be read and make sense, up to the first page that cannot."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        # Without it SQLite reads nothing at all of a file that was cut short.
        db.execute("PRAGMA writable_schema = ON")
        # By the table itself: its indexes may be what is damaged.
        for row in db.execute("SELECT * FROM jobs NOT INDEXED ORDER BY number"):
            if is_job(row):
                yield dict(row)
