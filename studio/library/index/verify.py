"""Whether a database is damaged: its header, structure, indexes and schema.

Checking a database of 100,000 assets takes most of a second, so it is done when the file is not as
this program left it: after a crash, and when something else has written it. Its size and times are
noted in a file beside it, the stamp.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_FORMATS = (1, 2)
_Schema = tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a database in a folder that cannot be written to, or on a full disk."""
    last: sqlite3.Error | None = None
    # A database in WAL mode needs files beside it, unless it is said that nobody changes it.
    for option in ("mode=ro", "immutable=1"):
        connection = sqlite3.connect(
            f"{path.as_uri()}?{option}", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            connection.close()
            last = error
        else:
            return connection
    assert last is not None
    raise last


def header_damage(path: Path) -> str:
    """Return what is wrong with the head of a database file, "" if nothing or if it is empty."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER)
    except OSError:
        return ""  # SQLite says why
    if not head:
        return ""
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        return "file is not a database"
    # SQLite refuses to write a file of an unknown format, as if it were write-protected.
    if head[18] not in _FORMATS or head[19] not in _FORMATS:
        return f"unknown file format {head[18]}, {head[19]}"
    return ""


def has_log(path: Path) -> bool:
    """Return whether a database was left open, or is open: SQLite's log of changes is there."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


def structure_damage(db: sqlite3.Connection) -> str:
    """Return what is wrong with the structure, indexes and full-text index, "" if nothing."""
    # A newer version may have statuses that violate the constraint of this one.
    db.execute("PRAGMA ignore_check_constraints = ON")
    try:
        said = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if said != "ok":
            return said
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'words'").fetchone() is not None:
            # Raises SQLITE_CORRUPT.
            db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    except MemoryError:
        return "impossible sizes"
    finally:
        db.execute("PRAGMA ignore_check_constraints = OFF")
    return ""


def damage_when_read_only(db: sqlite3.Connection) -> str:
    """Like `structure_damage`, for a connection that cannot write, as that needs to."""
    try:
        # On the system's disk, deleted when it is closed.
        with contextlib.closing(sqlite3.connect("")) as copy:
            db.backup(copy)
            return structure_damage(copy)
    except sqlite3.OperationalError:
        said = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        return "" if said == "ok" else said


def row_damage(db: sqlite3.Connection) -> str:
    """Return what is wrong between the tables of the current schema, "" if nothing."""
    # The structure is right even if a table and its index have changed places.
    lost = db.execute("PRAGMA foreign_key_check").fetchone()
    if lost is not None:
        return f"{lost[0]} of a missing row of {lost[2]}"
    wrong = db.execute(
        "SELECT job_rows.asset FROM job_rows JOIN assets ON assets.id = job_rows.asset "
        "WHERE assets.row != job_rows.row OR assets.job != job_rows.job LIMIT 1"
    ).fetchone()
    return f"another row of its job: {wrong[0]}" if wrong is not None else ""


def schema_damage(db: sqlite3.Connection, create: Callable[[sqlite3.Connection], None]) -> str:
    """Return what is missing in the schema, which `create` makes in an empty database."""
    columns, objects = _schema_made_by(create)
    found_columns, found_objects = _schema(db)
    missing = sorted((columns - found_columns) | (objects - found_objects))
    return f"no {missing[0][0]} {missing[0][1]}" if missing else ""


def unknown_code(db: sqlite3.Connection, create: Callable[[sqlite3.Connection], None]) -> str:
    """Return a trigger or view that `create` does not make, "" if there is none.

    They would run with what this program reads and writes, for as long as they like.
    """
    _, objects = _schema_made_by(create)
    rows = db.execute("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')")
    for kind, name, sql in rows.fetchall():
        if (name, " ".join(str(sql).split())) not in objects:
            return f"unknown {kind} {name}"
    return ""


@functools.cache
def _schema_made_by(create: Callable[[sqlite3.Connection], None]) -> _Schema:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        create(db)
        return _schema(db)


def _schema(db: sqlite3.Connection) -> _Schema:
    """Return (table, column) of all tables, and (name, definition) of indexes and the like."""
    rows = db.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    columns = {
        (name, column)
        for kind, name, _ in rows
        if kind == "table"
        for (column,) in db.execute("SELECT name FROM pragma_table_info(?)", (name,))
    }
    objects = {
        (name, " ".join(str(sql).split())) for kind, name, sql in rows if kind != "table" and sql
    }
    keys = {
        (name, f"{column} REFERENCES {other} ({key}) ON DELETE {action}")
        for kind, name, _ in rows
        if kind == "table"
        for column, other, key, action in db.execute(
            'SELECT "from", "table", "to", on_delete FROM pragma_foreign_key_list(?)', (name,)
        )
    }
    return frozenset(columns), frozenset(objects | keys)


def stamp_path(path: Path) -> Path:
    """Return the file that holds the stamp of the database at `path`."""
    return path.with_name(f"{path.name}-checked")


def write_stamp(path: Path) -> None:
    """Note that the database at `path` is as this program left it."""
    with contextlib.suppress(OSError):
        stamp_path(path).write_text(_stamp(path), "ascii")


def is_as_left(path: Path) -> bool:
    """Return whether the database at `path` has not changed since its stamp was written."""
    try:
        return stamp_path(path).read_text("ascii") == _stamp(path)
    except (OSError, ValueError):
        return False


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
