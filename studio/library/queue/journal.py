"""The queue's second home: `queue.journal`, from which waiting jobs return if the index is lost.

It lies beside the index and holds a line for each new job and each change of one, and the mark of
each transaction (transaction_marks.py). They are written in front of the commit; so it needs no
lock of its own, and a crash in between leaves at most too much in it. The index says how long it
must be: if it is not, it is written anew from the index. So it is if most of it is obsolete.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from studio.formats.atomic_write import write_atomic
from studio.library.disk_problems import file_problem
from studio.library.folder.file_placing import sync_folder
from studio.library.index.database import FILE_NAME, INCOMPLETE
from studio.library.queue.restored_jobs import insert_restored
from studio.library.queue.transaction_marks import (
    Mark,
    MisplacedIndexError,
    first_mark,
    mark_in,
    mismatch,
    read_mark,
    tail,
    write_mark,
)
from studio.protocol import problem

JOURNAL_FILE = "queue.journal"
WAITING = ("queued", "running", "interrupted")
"""The statuses of jobs that the journal keeps."""

_SIZES = "queue_journal"
"""Key in the table `state`: bytes of the journal, and bytes when it was last written anew."""
_UNKNOWN = -1
_NEVER = -2, 0
_SMALL = 64 * 1024
_CHANGES = "job_changes"
_IS_WAITING = "status IN ('queued', 'running', 'interrupted')"
_COMMON = "id", "status", "priority", "position", "started"
_CONSTANT = "id", "number", "request", "batch", "labels", "output", "created"
_COLUMNS = (*_CONSTANT, *_COMMON[1:], "retried_from")
_SELECTED = ", ".join(_COLUMNS)


class StoredQueue(Struct, frozen=True):
    """What a journal says.

    `waiting` maps job ids to columns of the table `jobs`. `ended` maps the ids of other jobs to
    their last status, "" if the job was deleted. `marks` are those of its transactions.
    `is_damaged` says that some lines cannot be read.
    """

    waiting: dict[str, dict[str, Any]] = {}
    ended: dict[str, str] = {}
    is_paused: bool = False
    marks: tuple[Mark, ...] = ()
    is_damaged: bool = False


class Journal:
    """The journal of the library in `root`. All methods need a write transaction `db`."""

    def __init__(self, root: Path) -> None:
        self.path = root / JOURNAL_FILE

    def append_changes(self, db: sqlite3.Connection) -> None:
        """Write the changes of this transaction, and any left by a version without a journal.

        New jobs are synced to disk; if they cannot be, this raises `ProblemError`. Other changes
        that cannot be written are written with the next ones. Raises `MisplacedIndexError`.
        """
        self._restore_once(db)
        before = read_mark(db) or first_mark(read_journal(self.path.parent).marks)
        mark = before.next()
        new = db.execute(
            f"SELECT {_SELECTED} FROM {_CHANGES} JOIN jobs ON id = job "
            f"WHERE is_new AND {_IS_WAITING} ORDER BY number"
        ).fetchall()
        try:
            is_synced = self._append(db, new, mark)
        except OSError as error:
            if new:
                raise file_problem(error, self.path.parent) from error
            write_mark(db, replace(mark, is_noted=False))
            return
        write_mark(db, replace(mark, synced=mark.name) if is_synced else mark)
        db.execute(f"DELETE FROM {_CHANGES}")

    def is_current(self, db: sqlite3.Connection) -> bool:
        """Return whether the journal agrees with the index."""
        size, _ = self._sizes(db)
        has_changes = db.execute(f"SELECT 1 FROM {_CHANGES} LIMIT 1").fetchone() is not None
        if size != self._size() or has_changes:
            return False
        # The journals of two states may have the same size.
        index = read_mark(db)
        last = next((mark_in(fields) for fields in _decoded([tail(self.path)])), None)
        return index is not None and last is not None and last.name == index.name

    def require_place(self, db: sqlite3.Connection) -> None:
        """Raise `MisplacedIndexError` if the index is an older one, or of another library."""
        if self._is_new(db):
            return
        stored = read_journal(self.path.parent)
        found = mismatch(read_mark(db), stored.marks, stored.is_damaged)
        if found is not None:
            raise MisplacedIndexError(self.path.parent, found)

    def difference(self, db: sqlite3.Connection) -> str | None:
        """Return the id of a waiting job that is another one in the index, or None."""
        for name, job in read_journal(self.path.parent).waiting.items():
            row = db.execute(f"SELECT {_SELECTED} FROM jobs WHERE id = ?", (name,)).fetchone()
            if row is not None and any(row[column] != job.get(column) for column in _CONSTANT):
                return name
        return None

    def reconcile(self, db: sqlite3.Connection) -> None:
        """Make journal and index agree: call it when opening the library, before the index is made.

        If the index is new, it gets the jobs of the journal. Else the journal is written anew, at
        the end of the transaction, if a crash left it different. Raises `MisplacedIndexError`.
        """
        self.require_place(db)
        self._restore_once(db)
        if not self.is_current(db):
            self._set_sizes(db, _UNKNOWN, 0)

    def _is_new(self, db: sqlite3.Connection) -> bool:
        """Return whether the index was just made, and not put here."""
        state = db.execute("SELECT 1 FROM state WHERE key = ?", (INCOMPLETE,)).fetchone()
        return state is not None and self._sizes(db) == _NEVER

    def _restore_once(self, db: sqlite3.Connection) -> None:
        """Insert the jobs of the journal that an index lacks, which has never written to one."""
        if self._sizes(db) != _NEVER:
            return
        self.require_place(db)
        stored = read_journal(self.path.parent)
        insert_restored(db, stored.waiting.values())
        if stored.is_paused:
            db.execute("INSERT OR IGNORE INTO state (key, value) VALUES ('paused', '1')")
        self._set_sizes(db, _UNKNOWN, 0)
        write_mark(db, first_mark(stored.marks))

    def _append(self, db: sqlite3.Connection, new: Iterable[sqlite3.Row], mark: Mark) -> bool:
        """Write the changes and the mark of a transaction. Returns whether they are synced."""
        # The empty mount point of an unplugged disk may still exist: nothing is written there.
        self.path.with_name(FILE_NAME).stat()
        size, base = self._sizes(db)
        is_idle = db.execute(f"SELECT 1 FROM jobs WHERE {_IS_WAITING} LIMIT 1").fetchone() is None
        is_obsolete = size > _SMALL and (is_idle or size > 3 * max(base, _SMALL))
        is_other = size != self._size()
        if is_other:
            self.require_place(db)
        if is_other or is_obsolete:
            self._rewrite(db, mark)
            return True
        changed = db.execute(
            f"SELECT job, {', '.join(_COMMON)} FROM {_CHANGES} LEFT JOIN jobs ON id = job "
            f"WHERE NOT is_new AND job != ''"
        ).fetchall()
        added = list(_bulk(new))
        lines = [*added, *(_changed(row) for row in changed)]
        if db.execute(f"SELECT 1 FROM {_CHANGES} WHERE job = ''").fetchone() is not None:
            lines.append(_line({"paused": _is_paused(db)}))
        data = b"".join([*lines, _line(mark.fields)])
        with self.path.open("ab") as file:
            try:
                file.write(data)
                file.flush()
                if added:
                    os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise
        self._set_sizes(db, size + len(data), base)
        return bool(added)

    def _rewrite(self, db: sqlite3.Connection, mark: Mark) -> None:
        rows = db.execute(f"SELECT {_SELECTED} FROM jobs WHERE {_IS_WAITING} ORDER BY number")
        lines = list(_bulk(rows))
        if _is_paused(db):
            lines.append(_line({"paused": True}))
        data = b"".join([*lines, _line(mark.fields)])
        write_atomic(self.path, data)
        sync_folder(self.path.parent)
        self._set_sizes(db, len(data), len(data))

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @staticmethod
    def _sizes(db: sqlite3.Connection) -> tuple[int, int]:
        row = db.execute("SELECT value FROM state WHERE key = ?", (_SIZES,)).fetchone()
        with contextlib.suppress(ValueError):
            size, base = map(int, row[0].split()) if row is not None else _NEVER
            return size, base
        return _UNKNOWN, 0

    @staticmethod
    def _set_sizes(db: sqlite3.Connection, size: int, base: int) -> None:
        db.execute(
            "INSERT INTO state (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_SIZES, f"{size} {base}"),
        )


def read_journal(root: Path) -> StoredQueue:
    """Return what the journal of the library in `root` says. Damaged lines are skipped."""
    jobs: dict[str, dict[str, Any]] = {}
    ended: dict[str, str] = {}
    marks: list[Mark] = []
    is_paused = False
    lines = _lines(root / JOURNAL_FILE)
    decoded = list(_decoded(lines))
    for fields in _whole_bulks(decoded):
        if "paused" in fields:
            is_paused = fields["paused"] is True
            continue
        if (mark := mark_in(fields)) is not None:
            marks.append(mark)
            continue
        name, status = fields.get("id"), fields.get("status")
        if not isinstance(name, str):
            continue
        if status not in WAITING:
            jobs.pop(name, None)
            ended[name] = status if isinstance(status, str) else ""
            continue
        if "request" in fields or name in jobs:
            jobs[name] = {**jobs.get(name, {}), **fields}
            ended.pop(name, None)
    return StoredQueue(jobs, ended, is_paused, tuple(marks), len(decoded) < len(lines))


def require_readable(root: Path) -> None:
    """Raise `ProblemError` if there is a journal that cannot be read now.

    Where the index is lost, it is the only place of the waiting jobs.
    """
    try:
        (root / JOURNAL_FILE).read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise problem(
            "bad_input",
            "The index of the library in {path} is lost, and {name}, which holds the waiting jobs, "
            "cannot be read: {reason}.",
            detail=str(error),
            path=root,
            name=JOURNAL_FILE,
            reason=error.strerror or type(error).__name__,
        ) from error


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line]
    except OSError:
        return []


def _decoded(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            continue
        with contextlib.suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            yield msgspec.json.decode(text, type=dict[str, Any])


def _whole_bulks(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield lines without the jobs of a bulk that was not written to its end."""
    pending: list[dict[str, Any]] = []
    token = ""
    for fields in lines:
        bulk = fields.pop("bulk", None)
        if fields.get("added") == token and token:
            yield from pending
            pending, token = [], ""
        elif isinstance(bulk, list) and len(bulk) == 2:
            if bulk[0] != token:
                pending, token = [], str(bulk[0])
            pending.append(fields)
            if len(pending) == bulk[1]:
                # All are there; the line at the end may be damaged.
                yield from pending
                pending = []
        else:
            yield fields


def _bulk(rows: Iterable[sqlite3.Row]) -> Iterator[bytes]:
    """Yield the lines of new jobs: all or none of them count."""
    jobs = [{name: row[name] for name in _COLUMNS} for row in rows]
    for job in jobs:
        yield _line({**job, "bulk": [jobs[0]["id"], len(jobs)]})
    if jobs:
        yield _line({"added": jobs[0]["id"]})


def _changed(row: sqlite3.Row) -> bytes:
    if row["status"] in WAITING:
        return _line({name: row[name] for name in _COMMON})
    return _line({"id": row["job"], "status": row["status"]})


def _line(fields: Mapping[str, Any]) -> bytes:
    text = msgspec.json.encode(fields)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _is_paused(db: sqlite3.Connection) -> bool:
    row = db.execute("SELECT value FROM state WHERE key = 'paused'").fetchone()
    return row is not None and row[0] == "1"
