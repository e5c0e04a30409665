"""Set a database aside that is damaged, or not of this time or place, and keep its jobs.

Results are recovered from their files, waiting jobs from the queue's journal too.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import numbered
from studio.library.index.database import FILE_NAME, Database, damage_marker
from studio.library.index.file_identity import is_open_elsewhere
from studio.library.queue.journal import WAITING, read_journal
from studio.library.queue.restored_jobs import insert_restored
from studio.library.queue.transaction_marks import Mismatch
from studio.protocol import Problem, Sentence, problem

_UNREADABLE = sqlite3.Error, UnicodeError, IndexError, OverflowError, MemoryError

JobRow = dict[str, Any]
"""A row of the table `jobs`: column → value."""


def set_aside(root: Path, word: str = "damaged") -> tuple[Path, list[JobRow]]:
    """Rename the database in `root`. Returns its new path, with `word`, and the readable jobs.

    Raises `ProblemError` if the folder is not writable, or if another process has the database
    open: it would go on writing into the renamed file.
    """
    if is_open_elsewhere(root / FILE_NAME):
        raise problem(
            "bad_input",
            "The index of the library in {path} cannot be used as it is, and another program has "
            "the library open. Close all windows and commands that use it, then start again: the "
            "index will be repaired.",
            path=root,
        )
    wanted = root / f"library.{word}-{time.strftime('%Y%m%d-%H%M%S')}.db"
    aside = next(path for n in range(1, 10_000) if not (path := numbered(wanted, n)).exists())
    saved = list(readable_jobs(root / FILE_NAME))
    try:
        (root / FILE_NAME).replace(aside)
        for suffix in ("-wal", "-shm", "-checked"):
            (root / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
        damage_marker(root / FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise file_problem(error, root) from error
    return aside, saved


def restore_jobs(
    database: Database, saved: list[JobRow], root: Path, mismatch: Mismatch | None = None
) -> int:
    """Insert jobs into a new database: those recovered, and those of the queue's journal.

    The journal is right about the jobs that it knows, but not where both went on in different
    ways: then, no job waits that has ended in one of them. `mismatch` says how the database, if it
    was not damaged, differed from it. Returns how many were inserted.
    """
    if mismatch == "another":
        saved = [row for row in saved if row.get("status") in WAITING]
    stored = read_journal(root)
    names = {
        fields["number"]: name for name, fields in stored.waiting.items() if "number" in fields
    }
    rows = {
        row["id"]: row
        for row in saved
        if stored.ended.get(row["id"]) != ""
        # A damaged id does not make a second job. Jobs of two copies may share a number.
        and (mismatch is not None or names.get(row.get("number"), row["id"]) == row["id"])
    }
    for name, status in stored.ended.items():
        if name in rows and status:
            rows[name]["status"] = status
    for name, fields in stored.waiting.items():
        row = rows.get(name, {})
        has_ended = mismatch == "apart" and row.get("status", WAITING[0]) not in WAITING
        rows[name] = {**row, **fields} if not has_ended else row
    if mismatch is not None:
        for name, row in rows.items():
            if row.get("status") in WAITING and name not in stored.waiting:
                # It may have ended since: nothing runs twice unless somebody resumes it.
                row["status"] = "running"
    with database.write() as db:
        return len(insert_restored(db, rows.values()))


def notice(aside: Path, jobs: int, detail: str, mismatch: Mismatch | None = None) -> Problem:
    """Return the notice for the user: where the database was kept, and how many jobs survived."""
    if mismatch is not None:
        message = Sentence(
            "The library's index was an older copy, or one of another library. It was kept as "
            "{path} and rebuilt from your files. Waiting jobs were kept; those that only it knew "
            "are interrupted.",
            {"path": str(aside)},
        )
    elif jobs == 1:
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


def readable_jobs(path: Path) -> Iterator[JobRow]:
    """Yield the rows of the table of jobs, up to the first page that cannot be read.

    Texts that are not UTF-8 are left out.
    """
    with contextlib.suppress(*_UNREADABLE), contextlib.closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        db.text_factory = _text
        # Lets SQLite open a truncated file.
        db.execute("PRAGMA writable_schema = ON")
        # NOT INDEXED, since the indexes may be damaged.
        for row in db.execute("SELECT * FROM jobs NOT INDEXED ORDER BY number"):
            if isinstance(row["id"], str):
                # SQLite ignores the case of names.
                yield {name.lower(): value for name, value in dict(row).items()}


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
