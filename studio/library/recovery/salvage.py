"""Set a damaged database aside and recover the jobs that can still be read from it.

Results are recovered from their files; queued and interrupted jobs exist only in the database.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.library.disk_problems import file_problem
from studio.library.index.database import FILE_NAME, Database, damage_marker
from studio.library.queue.stored_job import is_readable_job
from studio.protocol import Problem, Sentence

JobRow = dict[str, Any]
"""A row of the table `jobs`: column → value."""


def set_aside(root: Path) -> tuple[Path, list[JobRow]]:
    """Rename the damaged database in `root`. Returns its new path and the readable jobs.

    Raises `ProblemError` if the folder is not writable.
    """
    aside = root / f"library.damaged-{time.strftime('%Y%m%d-%H%M%S')}.db"
    saved = list(_readable(root / FILE_NAME))
    try:
        (root / FILE_NAME).replace(aside)
        for suffix in ("-wal", "-shm"):
            (root / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
        damage_marker(root / FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise file_problem(error, root) from error
    return aside, saved


def restore_jobs(database: Database, saved: list[JobRow]) -> int:
    """Insert recovered jobs into a new database. Returns how many were inserted."""
    with database.write() as db:
        columns = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
        inserted: set[str] = set()
        for job in sorted(saved, key=lambda job: int(job["number"])):
            job["retried_from"] = job["retried_from"] if job["retried_from"] in inserted else None
            names = sorted(columns & job.keys())
            added = db.execute(
                f"INSERT OR IGNORE INTO jobs ({', '.join(names)}) "
                f"VALUES ({', '.join('?' * len(names))})",
                [job[name] for name in names],
            )
            if added.rowcount:
                inserted.add(job["id"])
        return len(inserted)


def notice(aside: Path, jobs: int, detail: str) -> Problem:
    """Return the notice for the user: where the database was kept, and how many jobs survived."""
    if jobs == 1:
        message = Sentence(
            "The library's index was damaged. It was kept as {path} and rebuilt from your "
            "files. One job was recovered from it.",
            {"path": str(aside)},
        )
    elif jobs:
        message = Sentence(
            "The library's index was damaged. It was kept as {path} and rebuilt from your files. "
            "{count} jobs were recovered from it.",
            {"path": str(aside), "count": str(jobs)},
        )
    else:
        message = Sentence(
            "The library's index was damaged. It was kept as {path} and rebuilt from your files. "
            "Waiting jobs could not be recovered.",
            {"path": str(aside)},
        )
    return Problem("bad_input", message, detail)


def _readable(path: Path) -> Iterator[JobRow]:
    """Yield the valid jobs, up to the first page that cannot be read."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        # Lets SQLite open a truncated file.
        db.execute("PRAGMA writable_schema = ON")
        # NOT INDEXED, since the indexes may be damaged.
        for row in db.execute("SELECT * FROM jobs NOT INDEXED ORDER BY number"):
            if is_readable_job(row):
                yield dict(row)
