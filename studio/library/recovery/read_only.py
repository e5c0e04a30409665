"""Open the index of a library in which nothing can be written.

Where it is damaged, of an older version, not of this time or place, or missing, a copy of it in a
temporary folder is migrated, or made anew from the files. The library itself is left as it is.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from msgspec import Struct

from studio.formats.untrusted_files import is_file
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.database import FILE_NAME, DamagedDatabaseError, Database
from studio.library.queue.job_queue import JobQueue
from studio.library.queue.journal import Journal
from studio.library.queue.transaction_marks import Mismatch, MisplacedIndexError
from studio.library.recovery import rebuild, salvage
from studio.library.recovery.result_files import UnreadFile
from studio.library.recovery.unrecorded import index_unrecorded
from studio.protocol import Problem, ProblemError

_ALL = 1_000_000


class ReadOnlyIndex(Struct, frozen=True):
    """An index open for reading. `temporary` holds it if it is not the library's own.

    `unread` are the files that could not be read when it was made.
    """

    database: Database
    temporary: tempfile.TemporaryDirectory[str] | None = None
    unread: tuple[UnreadFile, ...] = ()


def open_index_to_read(root: Path, cause: Problem) -> ReadOnlyIndex:
    """Open the index of the library in `root`; writing raises `cause`. Raises `ProblemError`."""
    mismatch: Mismatch | None = None
    try:
        database = Database(root, unwritable=cause)
    except ProblemError as error:
        refused = error
    else:
        try:
            with database.read() as db:
                Journal(root).require_place(db)
            if not database.is_incomplete:
                return ReadOnlyIndex(database)
            refused = ProblemError(cause)
        except ProblemError as error:
            refused = error
            mismatch = error.mismatch if isinstance(error, MisplacedIndexError) else None
        database.close()
    try:
        temporary = tempfile.TemporaryDirectory(prefix="prompt-studio-", ignore_cleanup_errors=True)
    except OSError:
        raise refused from None
    try:
        unread = _make_copy(Path(temporary.name), root, mismatch)
        return ReadOnlyIndex(Database(Path(temporary.name), unwritable=cause), temporary, unread)
    except OSError:
        temporary.cleanup()
        raise refused from None
    except BaseException:
        temporary.cleanup()
        raise


def _make_copy(folder: Path, root: Path, mismatch: Mismatch | None) -> tuple[UnreadFile, ...]:
    """Make an index in `folder` that can be read. Raises `OSError` and `ProblemError`."""
    copy = folder / FILE_NAME
    for suffix in ("", "-wal"):
        if is_file(root / f"{FILE_NAME}{suffix}"):
            shutil.copyfile(root / f"{FILE_NAME}{suffix}", folder / f"{FILE_NAME}{suffix}")
    with (
        contextlib.suppress(DamagedDatabaseError),
        contextlib.closing(Database(folder, is_scratch=True)) as copied,
    ):
        if mismatch is None and not copied.is_incomplete:
            return ()
    saved = list(salvage.readable_jobs(copy))
    for file in folder.glob(f"{FILE_NAME}*"):
        file.unlink()
    beside = folder / "rebuild"
    beside.mkdir()
    with contextlib.closing(Database(folder, is_scratch=True)) as new:
        salvage.restore_jobs(new, saved, root, mismatch)
        unread = rebuild.rebuild(new, root, beside, None)
        queue = JobQueue(new, WorkFolders(root), root)
        index_unrecorded(new, AssetWriter(new, root), root, queue.list(limit=_ALL))
        queue.end_running("")
    return unread
