"""Changes of marks and files that a crash does not leave half done.

A change is written into the index before its first step, and removed from there in the transaction
that ends it. The next start completes a change that it finds, so that the index, `marks.jsonl` and
the files agree again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from studio.formats.untrusted_files import is_folder
from studio.library.disk_problems import file_problem
from studio.library.folder.change_lock import ChangeLock
from studio.library.folder.file_placing import hash_file, place_file, sync_folder
from studio.library.folder.marks_file import Marks, append_marks, compact_marks, read_marks
from studio.library.folder.stored_paths import StoredPaths
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.database import Database
from studio.library.index.index_marks import marks_in_index
from studio.protocol import ProblemError, problem

TRASH_FOLDER = ".trash"
_PENDING = "pending_change"
"""Key in the table `state`."""


class Step(Struct, frozen=True):
    """The change of one asset.

    `marks` are its new marks. Its file is moved from `source` to `target`, or deleted if
    `is_deleted`. Paths are stored as in the index, "" if the file stays.
    """

    marks: Marks
    source: str = ""
    target: str = ""
    is_deleted: bool = False


class Changes:
    """Carries out changes of the library in `root`. Methods may be called from any thread."""

    def __init__(self, database: Database, writer: AssetWriter, root: Path) -> None:
        self._database = database
        self._writer = writer
        self._root = root
        self._paths = StoredPaths(root)
        self._lock = ChangeLock(root)
        self._is_compact = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads and processes from changing files and marks. Raises `ProblemError`.

        A change that was left half done is completed first.
        """
        self._database.require_there()
        with self._lock.held():
            self._complete_pending()
            if not self._is_compact:
                self._is_compact = True
                compact_marks(self._root)
            yield

    def run(self, steps: Sequence[Step]) -> None:
        """Carry out a change, within `locked`.

        Raises `ProblemError` on disk errors. Files that were moved by then are recorded; of a
        change without files, nothing is.
        """
        if steps:
            with self._database.write() as db:
                db.execute(
                    "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)",
                    (_PENDING, msgspec.json.encode(steps).decode()),
                )
            self._carry_out(steps)

    def recover(self) -> None:
        """Complete a change that a crash left half done. Raises `ProblemError`."""
        # Without one, nothing is locked or written.
        if self._pending():
            with self._lock.held():
                self._complete_pending()

    def _pending(self) -> Sequence[Step]:
        with self._database.read() as db:
            row = db.execute("SELECT value FROM state WHERE key = ?", (_PENDING,)).fetchone()
        try:
            return msgspec.json.decode(row[0], type=tuple[Step, ...]) if row else ()
        except (msgspec.DecodeError, UnicodeError, TypeError, RecursionError):
            return ()

    def _complete_pending(self) -> None:
        steps = self._pending()
        if steps:
            safe = [step for step in steps if self._is_safe(step)]
            self._carry_out(safe, read_marks(self._root))

    def _is_safe(self, step: Step) -> bool:
        """Return whether a step may be completed: the library may be a stranger's."""
        source = self._paths.entry(step.source) if step.source else None
        if step.is_deleted:
            return not step.source or (source is not None and self._is_in_trash(source))
        if not step.target:
            return True
        target = self._paths.entry(step.target)
        if target is None or not self._is_in_trash(target):
            target = self._paths.writable(step.target)
        return target is not None and (source is not None or not step.source)

    def _is_in_trash(self, path: Path) -> bool:
        return path.parent == self._root / TRASH_FOLDER

    def _carry_out(self, steps: Sequence[Step], stored: Mapping[str, Marks] | None = None) -> None:
        """Do the steps. `stored` are the marks in the file, some of which may be new already."""
        done: list[Step] = []
        failure: ProblemError | None = None
        for step in steps:
            try:
                done.append(self._with_file(step))
            except ProblemError as error:
                failure = error
                break
        try:
            self._record(done, stored)
        except ProblemError:
            if not any(step.source for step in done):
                with contextlib.suppress(ProblemError), self._database.write() as db:
                    _forget(db)
            raise
        if failure is not None:
            raise failure

    def _record(self, done: Sequence[Step], stored: Mapping[str, Marks] | None) -> None:
        """Write the result of a change into the index and the marks file, and forget it."""
        with self._database.write() as db:
            changed = []
            for step in done:
                marks = step.marks
                if marks_in_index(db, marks.asset) is None:
                    continue
                if step.is_deleted:
                    self._writer.delete(db, [marks.asset])
                elif step.target:
                    # The index may name another result there, whose file is gone.
                    with contextlib.suppress(sqlite3.IntegrityError):
                        path = self._root / step.target
                        self._writer.set_location(db, marks.asset, path, marks.trashed_at)
                self._writer.set_marks(db, marks)
                if stored is None or marks != stored.get(marks.asset, Marks(marks.asset)):
                    changed.append(marks)
            append_marks(self._root, *changed)
            _forget(db)

    def _with_file(self, step: Step) -> Step:
        """Move or delete the file of a step. Returns the step with the final path."""
        if not step.source:
            return step
        source, target = self._root / step.source, self._root / step.target
        if step.target:
            self._require_disks(source, target)
        try:
            if step.is_deleted:
                source.unlink(missing_ok=True)
                return step
            if os.path.lexists(source):
                target = _moved(source, target)
        except OSError as error:
            raise file_problem(error, target.parent) from error
        return replace(step, target=self._writer.stored_path(target))

    def _require_disks(self, source: Path, target: Path) -> None:
        """Raise `ProblemError` if a file would be moved from or to an unplugged disk."""
        for path in (source, target):
            if self._paths.unplugged_disk(path.parent) is not None:
                raise _not_there(path.parent)
        if not target.is_relative_to(self._root) and not is_folder(target.parent):
            raise _not_there(target.parent)


def _not_there(folder: Path) -> ProblemError:
    return problem(
        "bad_input",
        "{path} is not there at the moment. Connect its disk or restore the folder, then try "
        "again.",
        path=folder,
    )


def _forget(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM state WHERE key = ?", (_PENDING,))


def _moved(source: Path, target: Path) -> Path:
    """Move a file without overwriting another. Returns the final path. Raises `OSError`."""
    if os.path.lexists(target) and _is_same(source, target):
        # A crash came between linking or copying it and removing the source.
        source.unlink()
        return target
    target.parent.mkdir(exist_ok=True)
    status = source.lstat()
    if not stat.S_ISREG(status.st_mode):
        # A link, or whatever was put in the place of a result: as it is, and nothing is opened.
        shutil.move(source, target)
        return target
    if status.st_dev == target.parent.stat().st_dev:
        return place_file(source, target)
    part = target.with_name(f".{target.name[:40]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        shutil.copy2(source, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        final = place_file(part, target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    source.unlink()
    sync_folder(final.parent)
    return final


def _is_same(source: Path, target: Path) -> bool:
    ours, theirs = source.lstat(), target.lstat()
    if os.path.samestat(ours, theirs):
        return True
    if not (stat.S_ISREG(ours.st_mode) and stat.S_ISREG(theirs.st_mode)):
        return False
    return ours.st_size == theirs.st_size and hash_file(source) == hash_file(target)
