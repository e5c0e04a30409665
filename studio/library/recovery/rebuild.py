"""Make the index anew from the files, e.g. after it was lost or after files were moved manually.

Each result contains its recipe, from which the asset's id is derived, so that stars, tags and
parents still refer to the right assets. The new index is made in a database beside the old one and
replaces it in one transaction, so that a crash leaves the old one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from studio.formats.untrusted_files import is_file, printable
from studio.library.curation.changes import TRASH_FOLDER, Changes
from studio.library.folder.marks_file import Marks, append_marks, read_marks
from studio.library.folder.stored_paths import StoredPaths
from studio.library.index.asset_writer import AssetWriter, FinishedFile, asset_id
from studio.library.index.assets import Assets
from studio.library.index.database import Database
from studio.library.index.index_marks import all_marks_in_index
from studio.library.index.swap import replace_index
from studio.library.recovery.result_files import (
    UnreadFile,
    outside_results,
    read_result,
    result_files,
)
from studio.library.recovery.returned_disks import note_missing
from studio.protocol import Problem, Sentence

_BATCH = 500
# What SQLite says about a value, not about the disk or the database.
_UNSTORABLE = (
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


def rebuild(
    database: Database, root: Path, beside: Path, changes: Changes | None
) -> tuple[UnreadFile, ...]:
    """Replace the index by one made from all files below `root`, with the marks. Jobs are kept.

    `beside` is an empty folder for the new database. Without `changes`, nothing in `root` is
    written or locked. Assets whose file is gone are dropped; those whose file exists but cannot be
    read, or is on a disk that is unplugged, stay as the old index describes them. Returns the files
    and folders that could not be read; `ReturnedDisks` reads those folders later. Raises
    `ProblemError` on disk errors and for a damaged database, with the old index unchanged.
    """
    with contextlib.closing(Database(beside, is_scratch=True)) as new:
        index = _NewIndex(new, database, root)
        index.add_jobs()
        index.add_files(result_files(root, index.unread))
        index.add_outside(outside_results(root, index.unread))
        index.add_known()
        # Nobody moves files or writes marks now. Results may still be added until the transaction.
        locked = changes.locked() if changes is not None else contextlib.nullcontext()
        with locked, database.write_attached(new.path) as db:
            index.add_jobs()
            index.add_known()
            changed = index.set_marks(all_marks_in_index(db))
            if changes is not None:
                append_marks(root, *changed)
            replace_index(db)
            note_missing(db, root, [file.path for file in index.unread])
        return tuple(index.unread)


def notice(assets: int, unread: int) -> Problem | None:
    """Return the notice for the user that a missing index was made anew, None if it is empty."""
    if unread:
        message = Sentence(
            "The library's index was missing or incomplete. It was rebuilt from your files. "
            "Results: {count}. Files that could not be read: {unread}. To list them, run: "
            "studio library check",
            {"count": str(assets), "unread": str(unread)},
        )
    elif assets:
        message = Sentence(
            "The library's index was missing or incomplete. It was rebuilt from your files. "
            "Results: {count}.",
            {"count": str(assets)},
        )
    else:
        return None
    return Problem("bad_input", message)


class _NewIndex:
    """The new index, and what the old one knew."""

    def __init__(self, new: Database, old: Database, root: Path) -> None:
        self.unread: list[UnreadFile] = []
        self._new = new
        self._root = root
        self._paths = StoredPaths(root)
        self._writer = AssetWriter(new, root)
        self._old = old
        with old.read() as db:
            rows = db.execute("SELECT id, number FROM assets").fetchall()
        self._numbers: dict[str, int] = {row["id"]: row["number"] for row in rows}
        self._unplugged: dict[Path, bool] = {}
        self._old_assets = Assets(old, root)
        self._old_paths = AssetWriter(old, root).paths
        self._places = {name: stored for stored, name in self._old_paths().items()}

    def add_jobs(self) -> None:
        """Add the jobs that results may belong to. Only their ids are needed."""
        with self._old.read() as db:
            ids = db.execute("SELECT id FROM jobs").fetchall()
        with self._new.write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO jobs (id, task, model, request, count, status, position, "
                "created) VALUES (?, '', '', '', 1, 'done', 0, '')",
                [(name,) for (name,) in ids],
            )

    def add_files(self, paths: Iterable[Path]) -> None:
        """Add the results among these files."""
        self._insert_in_batches(self._readable(paths))

    def add_outside(self, files: Iterable[FinishedFile]) -> None:
        """Add the results among these files that are no copies of others."""
        self._insert_in_batches(self._originals(files))

    def _readable(self, paths: Iterable[Path]) -> Iterator[FinishedFile]:
        for path in paths:
            file = read_result(path, self._root)
            if isinstance(file, UnreadFile):
                self.unread.append(file)
            elif file is not None:
                yield file

    def _originals(self, files: Iterable[FinishedFile]) -> Iterator[FinishedFile]:
        names = set(self._writer.paths().values())
        for file in files:
            name = asset_id(file.recipe.job, file.recipe.row, self._writer.stored_path(file.path))
            if name not in names:
                names.add(name)
                yield file

    def _insert_in_batches(self, files: Iterator[FinishedFile]) -> None:
        while batch := list(islice(files, _BATCH)):
            self._insert(batch)

    def add_known(self) -> None:
        """Add what the old index knows and the new one does not.

        These are results outside the library, new and moved ones, and those whose file cannot be
        read or reached at the moment.
        """
        known = self._writer.paths()
        gone = [stored for stored in known if self._is_gone(self._root / stored)]
        if gone:
            with self._new.write() as db:
                self._writer.delete(db, [known.pop(stored) for stored in gone])
        names = set(known.values())
        for stored, name in self._old_paths().items():
            if stored in known:
                if known[stored] == name or name in names:
                    continue
                # It was moved while the files were read, and taken for a copy of itself.
                with self._new.write() as db:
                    self._writer.delete(db, [known[stored]])
            path = self._paths.resolve(stored)
            if path is None or self._is_gone(path):
                continue
            if not os.path.lexists(path):
                if (away := self._as_known(name)) is not None:
                    self._insert([away])
                continue
            file = read_result(path, self._root) if is_file(path) else None
            if not isinstance(file, FinishedFile):
                if all(unread.path != path for unread in self.unread):
                    missing = UnreadFile(path, Sentence("It contains no recipe."))
                    self.unread.append(file or missing)
                file = self._as_known(name)
            if file is not None:
                self._insert([file])

    def _is_gone(self, path: Path) -> bool:
        if os.path.lexists(path):
            return False
        if path.parent not in self._unplugged:
            self._unplugged[path.parent] = self._paths.unplugged_disk(path.parent) is not None
        return not self._unplugged[path.parent]

    def _as_known(self, name: str) -> FinishedFile | None:
        asset = self._old_assets.get(name)
        if asset is None:
            return None
        return FinishedFile(
            path=asset.path,
            recipe=asset.recipe,
            size=asset.size,
            sha256=asset.sha256,
            text=asset.text,
            width=asset.width,
            height=asset.height,
            duration=asset.duration,
        )

    def _insert(self, files: Iterable[FinishedFile]) -> None:
        with self._new.write() as db:
            for file in files:
                db.execute("SAVEPOINT file")
                try:
                    is_copy = self._is_copy(file)
                    self._writer.insert_into(db, file, self._numbers, is_copy=is_copy)
                except _UNSTORABLE as error:
                    db.execute("ROLLBACK TO file")
                    reason = Sentence("Its recipe is damaged.")
                    self.unread.append(UnreadFile(file.path, reason, printable(str(error))))
                db.execute("RELEASE file")

    def _is_copy(self, file: FinishedFile) -> bool:
        """Return whether the result is also where the old index has it."""
        recipe, stored = file.recipe, self._writer.stored_path(file.path)
        place = self._places.get(asset_id(recipe.job, recipe.row, stored))
        if place is None or place == stored:
            return False
        path = self._paths.resolve(place)
        original = read_result(path, self._root) if path is not None and is_file(path) else None
        return isinstance(original, FinishedFile) and original.recipe == recipe

    def set_marks(self, old: dict[str, Marks]) -> list[Marks]:
        """Set the marks of the file `marks.jsonl`, or of the old index where that has none.

        Returns the marks that must be added to the file: it was lost or damaged, or files were
        moved to or from the trash by hand.
        """
        stored = read_marks(self._root, keep_empty=True)
        trash = self._root / TRASH_FOLDER
        changed: list[Marks] = []
        with self._new.write() as db:
            rows = db.execute("SELECT id, path FROM assets").fetchall()
            for name, path in rows:
                is_trashed = (self._root / path).parent == trash
                found = stored.get(name, old.get(name))
                if found is None and not is_trashed:
                    continue
                marks = found or Marks(name)
                if is_trashed and marks.trashed_at is None:
                    marks = replace(marks, trashed_at=_modified(self._root / path))
                elif not is_trashed and marks.trashed_at is not None:
                    marks = replace(marks, trashed_at=None, origin="")
                self._writer.set_location(db, name, self._root / path, marks.trashed_at)
                self._writer.set_marks(db, marks)
                if marks != stored.get(name):
                    changed.append(marks)
        return changed


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
