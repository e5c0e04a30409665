"""Jobs as rows of the database, including rows that another version wrote."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import get_args

import msgspec

from studio.kinds.coding import request_from_json, to_json
from studio.library.index.database import DamagedDatabaseError
from studio.library.records import Job
from studio.protocol import ErrorKind, JobStatus, Problem, Sentence

SELECT_JOBS = """
    SELECT jobs.*, (
        SELECT group_concat(row) FROM job_rows WHERE job = jobs.id AND problem IS NULL
    ) AS done_rows FROM jobs
"""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_STATUSES = frozenset(get_args(JobStatus))
_DECODE_ERRORS = (
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    IndexError,
    RecursionError,
    OverflowError,
)


def now() -> str:
    """Return the current local time as ISO 8601 with milliseconds and UTC offset."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


class _LastNumber:
    """The number of the last id that this process made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0

    def next(self) -> int:
        """Return a number that is larger than all before."""
        number = (time.time_ns() // 1_000_000) << 32 | secrets.randbits(32)
        with self._lock:
            if number <= self._number or number >> 32 == self._number >> 32:
                # In the same millisecond, random numbers would be equal once in a while.
                number = self._number + 1 + secrets.randbits(16)
            self._number = number
            return number


_last_number = _LastNumber()


def new_id() -> str:
    """Return a sortable id of 16 characters: milliseconds since 1970, then 32 bits.

    The ids of a process are in the order in which they were made, and never equal. Those of
    several processes differ by the 32 bits, which begin at random in each millisecond.
    """
    number = _last_number.next()
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))


def read_job(row: sqlite3.Row, database: Path) -> Job:
    """Convert a row of `SELECT_JOBS`. Raises `DamagedDatabaseError` if it has invalid JSON."""
    try:
        job = _job(row)
        if not all(isinstance(value, str) for value in (job.id, job.batch, job.output)):
            raise TypeError("not a text")
        datetime.fromisoformat(job.created)
        return job
    except _DECODE_ERRORS as error:
        raise DamagedDatabaseError(database, f"a job: {error}") from error


def _job(row: sqlite3.Row) -> Job:
    done = row["done_rows"]
    return Job(
        id=row["id"],
        number=row["number"],
        request=request_from_json(row["request"]),
        # A job with a status of another version must be neither queued nor running here.
        status=row["status"] if row["status"] in _STATUSES else "interrupted",
        priority=row["priority"],
        batch=row["batch"],
        labels=_labels(row["labels"]),
        output=row["output"],
        created=row["created"],
        started=row["started"] or "",
        finished=row["finished"] or "",
        problem=_problem(row["problem"]),
        retried_from=row["retried_from"] or "",
        done_rows=tuple(sorted(int(part) for part in done.split(","))) if done else (),
    )


def _labels(text: str) -> dict[str, str]:
    labels = msgspec.json.decode(text)
    if not isinstance(labels, dict):
        return {}
    return {name: value for name, value in labels.items() if isinstance(value, str)}


def _problem(text: str | None) -> Problem | None:
    """Decode the problem of a job. An unknown kind becomes "bug"; the message is kept."""
    if not text:
        return None
    fields = msgspec.json.decode(text)
    kind: ErrorKind = "bug"
    message = Sentence("This job failed in another version of Prompt Studio.")
    detail = text
    if isinstance(fields, dict):
        with contextlib.suppress(msgspec.ValidationError):
            kind = msgspec.convert(fields.get("kind"), ErrorKind)
        with contextlib.suppress(msgspec.ValidationError):
            message = msgspec.convert(fields.get("message"), Sentence)
            detail = msgspec.convert(fields.get("detail", ""), str)
    return Problem(kind, message, detail)


def insert_jobs(db: sqlite3.Connection, jobs: Iterable[Job], owner: str = "") -> list[Job]:
    """Insert jobs at the end of the queue. Returns them with their numbers."""
    added: list[Job] = []
    position = db.execute("SELECT coalesce(max(position), 0) FROM jobs").fetchone()[0]
    for job in jobs:
        position += 1.0
        inserted = db.execute(
            "INSERT INTO jobs (id, task, model, request, count, status, priority, position, batch, "
            "labels, output, created, started, retried_from, owner) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.id,
                job.request.task,
                job.request.model,
                to_json(job.request),
                job.request.count,
                job.status,
                job.priority,
                position,
                job.batch,
                msgspec.json.encode(job.labels).decode(),
                job.output,
                job.created,
                job.started or None,
                job.retried_from or None,
                owner,
            ),
        )
        added.append(msgspec.structs.replace(job, number=inserted.lastrowid or 0))
    return added


def rows_left(job: Job) -> int:
    """Return the number of rows without an asset."""
    return max(0, job.request.count - len(job.done_rows))


def missing_rows(job: Job) -> tuple[int, ...]:
    """Return the rows without an asset."""
    done = set(job.done_rows)
    return tuple(row for row in range(job.request.count) if row not in done)


def destination(job: Job, root: Path) -> Path:
    """Return the folder for the job's results."""
    return Path(job.output) if job.output else root
