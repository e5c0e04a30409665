"""Insert jobs into a new index: from the queue's journal, or from a damaged database."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

import msgspec

from studio.kinds.coding import request_from_json
from studio.library.queue.stored_job import now
from studio.protocol import JobStatus

_TEXTS = "batch", "output", "created"
_OPTIONAL_TEXTS = "finished", "problem", "retried_from"
_STATUSES = frozenset(get_args(JobStatus))
_LARGEST = 2**63 - 1
_DECODE_ERRORS = (msgspec.DecodeError, TypeError, UnicodeError, RecursionError, ValueError)


def insert_restored(db: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Insert jobs that the index lacks, given as columns of the table `jobs`.

    What cannot be read of them is left out: a job without a readable request, or a single column.
    Running jobs have no owner, so that recovery ends them. Returns the ids of the inserted jobs.
    """
    jobs = [job for row in rows if (job := _readable(row)) is not None]
    known = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
    inserted: list[str] = []
    for job in sorted(jobs, key=lambda job: (job["number"] or _LARGEST, job["position"])):
        columns = {name: value for name, value in job.items() if name in known}
        earlier = columns.pop("retried_from")
        if db.execute("SELECT 1 FROM jobs WHERE number = ?", (columns["number"],)).fetchone():
            columns["number"] = None
        added = db.execute(
            f"INSERT OR IGNORE INTO jobs ({', '.join(columns)}) "
            f"VALUES ({', '.join('?' * len(columns))})",
            list(columns.values()),
        )
        if added.rowcount:
            inserted.append(job["id"])
            db.execute(
                "UPDATE jobs SET retried_from = (SELECT id FROM jobs WHERE id = ?) WHERE id = ?",
                (earlier, job["id"]),
            )
    return inserted


def _readable(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the columns of a job with valid values, None if its request cannot be read."""
    try:
        request = request_from_json(row["request"])
        labels = msgspec.json.decode(row["labels"], type=dict[str, Any])
        created = row["created"] if _is_time(row["created"]) else now()
        job: dict[str, Any] = {
            **row,
            "task": request.task,
            "model": request.model,
            "count": request.count,
            "labels": msgspec.json.encode(labels).decode(),
        }
    except (*_DECODE_ERRORS, KeyError, IndexError):
        return None
    if not _is_text(row["id"]) or not row["id"] or not 1 <= request.count <= _LARGEST:
        return None
    for name in _TEXTS:
        job[name] = job.get(name) if _is_text(job.get(name)) else ""
    for name in _OPTIONAL_TEXTS:
        job[name] = job.get(name) if _is_text(job.get(name)) else None
    job["number"] = _whole(job.get("number"), 1, None)
    job["priority"] = _whole(job.get("priority"), -_LARGEST, 0)
    job["overtaken"] = _whole(job.get("overtaken"), 0, 0)
    position = job.get("position")
    if not isinstance(position, float) or not math.isfinite(position):
        position = float(_whole(position, -_LARGEST, job["number"]) or 0)
    job["position"] = position
    job["created"] = created
    # Results in other folders are only looked for from then on.
    job["started"] = job["started"] if _is_time(job.get("started")) else created
    job["finished"] = job["finished"] if _is_time(job["finished"]) else None
    job["problem"] = job["problem"] if _is_json(job["problem"]) else None
    if job.get("status") not in _STATUSES:
        job["status"] = "interrupted"
    job["owner"] = ""
    return job


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_json(value: object) -> bool:
    try:
        return isinstance(value, str) and msgspec.json.decode(value) is not None
    except _DECODE_ERRORS:
        return False


def _whole(value: object, smallest: int, otherwise: int | None) -> int | None:
    if isinstance(value, int) and smallest <= value <= _LARGEST:
        return value
    return otherwise
