"""Results in folders that could not be read when the index was made: their disk was unplugged."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from studio.formats.untrusted_files import is_unicode
from studio.library.folder.marks_file import Marks, read_marks
from studio.library.folder.output_list import OutputList
from studio.library.folder.stored_paths import StoredPaths
from studio.library.index.asset_writer import AssetWriter, asset_id
from studio.library.index.database import Database
from studio.library.recovery.result_files import outside_results

_MISSING = "missing_folders"
"""Key in the table `state`."""


def note_missing(db: sqlite3.Connection, root: Path, paths: Iterable[Path]) -> None:
    """Note those of these that are outside the library in `root`, for `index_returned`."""
    outside = [str(path) for path in paths if is_unicode(path) and not path.is_relative_to(root)]
    stored = msgspec.json.encode(outside).decode()
    db.execute("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (_MISSING, stored))


def index_returned(database: Database, writer: AssetWriter, root: Path) -> None:
    """Index the results in folders whose disk is back. Raises `ProblemError`."""
    missing = _missing(database)
    if not missing:
        return
    paths = StoredPaths(root)
    outputs = [folder for folder in OutputList(root).folders() if str(folder) in missing]
    back = [folder for folder in outputs if paths.unplugged_disk(folder) is None]
    if not back:
        return
    known = writer.paths()
    names = set(known.values())
    marks = read_marks(root)
    for file in outside_results(root, [], back):
        stored = writer.stored_path(file.path)
        name = asset_id(file.recipe.job, file.recipe.row, stored)
        if stored in known or name in names:
            continue
        names.add(name)
        with database.write() as db:
            added = writer.insert_into(db, file)
            own = marks.get(added, Marks(added))
            writer.set_marks(db, replace(own, trashed_at=None, origin=""))
    with database.write() as db:
        note_missing(db, root, [folder for folder in outputs if folder not in back])


def _missing(database: Database) -> frozenset[str]:
    with database.read() as db:
        row = db.execute("SELECT value FROM state WHERE key = ?", (_MISSING,)).fetchone()
    with contextlib.suppress(msgspec.DecodeError, UnicodeError, TypeError, RecursionError):
        return frozenset(msgspec.json.decode(row[0], type=list[str])) if row else frozenset()
    return frozenset()
