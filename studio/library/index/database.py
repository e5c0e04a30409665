"""The library's SQLite file: connections, migrations, transactions and error messages.

There is one writing connection behind a lock, and a reading connection per thread; with WAL,
readers do not wait for writers. Commits are synced to disk, so that a queued job survives a power
failure. Several processes may write; SQLite serializes them.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.kinds.registry import medium_of, medium_of_file
from studio.library.disk_problems import (
    DISK_ERRNOS,
    cannot_write,
    disconnected,
    disk_full,
    in_use,
    missing,
)
from studio.library.index.file_identity import Identity, identity
from studio.library.index.search import label_term, review_term, split_cjk
from studio.library.index.verify import (
    damage_when_read_only,
    has_log,
    header_damage,
    is_as_left,
    open_read_only,
    row_damage,
    schema_damage,
    structure_damage,
    unknown_code,
    write_stamp,
)
from studio.protocol import Problem, ProblemError, Sentence, problem

FILE_NAME = "library.db"
INCOMPLETE = "index_incomplete"
"""Key in the table `state` of an index that does not contain all files yet."""
ATTACHED = "rebuilt"
"""Schema name of the database that `Database.write_attached` attaches."""
BUSY_SECONDS = 20.0
_RETRY_SECONDS = 0.01

# Script i migrates the database from version i to version i + 1.
_MIGRATIONS = tuple(
    Path(__file__).with_name(name)
    for name in (
        "schema.sql",
        "schema_2.sql",
        "schema_3.sql",
        "schema_4.sql",
        "schema_5.sql",
        "schema_6.sql",
    )
)
VERSION = len(_MIGRATIONS)

# What SQLite says about a statement: with a schema that is not damaged, these are faults of ours.
_OF_SQL = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH)


class DamagedDatabaseError(ProblemError):
    """The file is not an SQLite database, or is corrupt.

    A marker file is created, so that the next start sets the database aside: corruption in the
    middle of a file is only detected when that part is read.
    """

    def __init__(self, path: Path, detail: str) -> None:
        with contextlib.suppress(OSError):
            damage_marker(path).touch()
        super().__init__(
            Problem(
                "bad_input",
                Sentence(
                    "The index of the library in {path} is damaged. Your files are safe: start "
                    "Prompt Studio again, or run: studio library rebuild",
                    {"path": str(path.parent)},
                ),
                detail,
            )
        )


class Database:
    """The open database of the library in `folder`. Methods may be called from any thread.

    Raises `ProblemError` if the folder is not writable or the database needs a newer version of
    the app, and `DamagedDatabaseError` if the file is damaged.

    Attributes:
        must_check: the file was not as this program left it, so it was checked when opening.
        is_migrated: another version made the file.
        before_commit: called at the end of each write transaction that changed something.
    """

    def __init__(
        self, folder: Path, *, is_scratch: bool = False, unwritable: Problem | None = None
    ) -> None:
        """Open or create it. With `is_scratch`, it need not survive a power failure.

        With `unwritable`, it is only read; writing raises this problem.
        """
        self.path = folder / FILE_NAME
        self._is_scratch = is_scratch
        self._identity: tuple[Identity, Identity] | None = None
        self._unwritable = unwritable
        self._lock = threading.RLock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        self.before_commit: Callable[[sqlite3.Connection], None] = lambda _: None
        if damage_marker(self.path).exists():
            raise DamagedDatabaseError(self.path, "marked as damaged when it was last open")
        self._raise_if(header_damage(self.path))
        self.is_migrated = False
        self._is_certain = True
        is_changed = self.path.is_file() and not is_as_left(self.path)
        must_check = self.must_check = is_changed
        # After a crash, SQLite's log is left, and nobody but SQLite has written the file.
        is_written_by_others = must_check and unwritable is None and not has_log(self.path)
        with translate_errors(self.path):
            self._writer = self._connect()
            try:
                if must_check:
                    self._raise_if(self._structure_damage())
                self._migrate()
                if must_check:
                    self._raise_if(self._schema_damage(self._writer) or row_damage(self._writer))
                if is_written_by_others:
                    self._index_words()
                self._version = self._data_version()
                self._identity = (identity(folder), identity(self.path))
            except BaseException:
                self._writer.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        if self._unwritable is not None:
            return open_read_only(self.path)
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        try:
            _use_wal(connection)
            connection.execute(f"PRAGMA synchronous = {'OFF' if self._is_scratch else 'FULL'}")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self) -> None:
        if self._unwritable is not None:
            # It cannot be brought to this version.
            if self._schema_damage(self._writer):
                raise ProblemError(self._unwritable)
            return
        with self.write() as db:
            version: int = db.execute("PRAGMA user_version").fetchone()[0]
            unknown = unknown_code(db, _create)
            if version <= VERSION:
                self._raise_if(unknown)
            if version == VERSION:
                return
            if version > VERSION:
                # A newer version that only added tables and columns is compatible.
                if not unknown and not self._schema_damage(db):
                    return
                raise problem(
                    "bad_input",
                    "The library in {path} was made by a newer version of Prompt Studio. Update "
                    "Prompt Studio, or choose another library folder.",
                    f"user_version {version}, this program knows {VERSION}",
                    path=self.path.parent,
                )
            if version < 0:
                raise DamagedDatabaseError(self.path, f"user_version {version}")
            try:
                _run_migrations(db, version)
            except (sqlite3.OperationalError, sqlite3.IntegrityError) as error:
                if _code(error) not in _OF_SQL:
                    raise
                # Not the schema that the version says.
                raise DamagedDatabaseError(self.path, str(error)) from error
            if version == 0:
                db.execute("INSERT INTO state (key, value) VALUES (?, '1')", (INCOMPLETE,))
            db.execute(f"PRAGMA user_version = {VERSION}")
            self.is_migrated = version > 0

    def _index_words(self) -> None:
        """Make the full-text index anew: the check of SQLite misses damage of its words."""
        try:
            with self.write() as db:
                db.execute("INSERT INTO words (words) VALUES ('rebuild')")
        except DamagedDatabaseError:
            raise
        except ProblemError:
            self._is_certain = False  # the next start tries it again

    @property
    def is_incomplete(self) -> bool:
        """Whether the index is new, or a rebuild of it did not end."""
        with self.read() as db:
            row = db.execute("SELECT 1 FROM state WHERE key = ?", (INCOMPLETE,)).fetchone()
        return row is not None

    def set_complete(self) -> None:
        """Record that the index contains all files."""
        with self.write() as db:
            db.execute("DELETE FROM state WHERE key = ?", (INCOMPLETE,))

    @staticmethod
    def _schema_damage(db: sqlite3.Connection) -> str:
        return schema_damage(db, _create)

    def _structure_damage(self) -> str:
        if self._unwritable is None:
            return structure_damage(self._writer)
        return damage_when_read_only(self._writer)

    def _raise_if(self, damage: str) -> None:
        if damage:
            raise DamagedDatabaseError(self.path, damage)

    def check(self) -> None:
        """Read the whole file. Raises `DamagedDatabaseError` if it is corrupt."""
        with self._lock, translate_errors(self.path):
            self._raise_if(self._structure_damage() or self._schema_damage(self._writer))

    @contextmanager
    def write(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Open a write transaction, committed and synced at the end, rolled back on errors.

        Raises `ProblemError` (disk full, read-only, …).
        """
        if self._unwritable is not None:
            raise ProblemError(self._unwritable)
        with self._lock, translate_errors(self.path):
            self.require_same_file()
            self._writer.execute(begin)
            try:
                before = self._writer.total_changes
                yield self._writer
                if self._writer.total_changes != before:
                    self.before_commit(self._writer)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def require_same_file(self) -> None:
        """Raise `ProblemError` if the file was replaced: what is written now would be lost."""
        if self._identity is None:
            return
        folder, file = self._identity
        found = identity(self.path)
        if found == file:
            return
        if identity(self.path.parent) != folder:
            # A folder that is gone, with its disk or by itself, is told by what fails in it.
            if found is not None:
                raise problem(
                    "bad_input",
                    "The library folder {path} was moved away while it was open, and another "
                    "library is in its place. Nothing more is saved: choose the folder where it is "
                    "now, then resume its jobs.",
                    path=self.path.parent,
                )
        else:
            raise problem(
                "bad_input",
                "The index of the library in {path} was replaced or deleted while it was open. "
                "Nothing more is saved in it: close Prompt Studio and start it again.",
                path=self.path.parent,
            )

    def require_there(self) -> None:
        """Raise `ProblemError` if the file is not there: its disk was unplugged, or as above."""
        self.require_same_file()
        if self._identity is not None and identity(self.path) is None:
            raise ProblemError(missing(self.path.parent, f"{FILE_NAME} is missing"))

    def changed_elsewhere(self) -> bool:
        """Return whether another process has written since the last call, or since the opening.

        Does not wait: during a write of this process, the answer is postponed.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._closed:
                return False
            with translate_errors(self.path):
                before, self._version = self._version, self._data_version()
        finally:
            self._lock.release()
        return self._version != before

    def _data_version(self) -> int:
        # It does not change by what its own connection writes, the only one that does here.
        version: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
        return version

    @contextmanager
    def write_attached(self, other: Path) -> Iterator[sqlite3.Connection]:
        """Open a write transaction with another database attached as `ATTACHED`.

        The other one is not locked. Foreign keys are not enforced: whole tables may be replaced.
        """
        with self._lock, translate_errors(self.path):
            # As bytes: a path need not be valid UTF-8.
            self._writer.execute(f"ATTACH ? AS {ATTACHED}", (os.fsencode(other),))
            try:
                self._writer.execute("PRAGMA foreign_keys = OFF")
                # "BEGIN IMMEDIATE" would lock all attached databases.
                with self.write("BEGIN") as db:
                    db.execute("DELETE FROM main.state WHERE key = ''")
                    yield db
            finally:
                self._writer.execute("PRAGMA foreign_keys = ON")
                self._writer.execute(f"DETACH {ATTACHED}")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open this thread's read-only connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        with translate_errors(self.path):
            if connection is None:
                self.require_there()  # SQLite would create it
                connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
                with self._lock:
                    self._readers.append(connection)
                self._local.connection = connection
            yield connection

    def close(self) -> None:
        """Close all connections. Can be called repeatedly."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for connection in [*self._readers, self._writer]:
                connection.close()
            self._readers.clear()
            is_same = self._identity is None or identity(self.path) == self._identity[1]
            is_certain = is_same and self._is_certain and self._unwritable is None
            if is_certain and not damage_marker(self.path).exists():
                write_stamp(self.path)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, waiting for other processes, which SQLite does not do while they switch."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def damage_marker(path: Path) -> Path:
    """Return the file whose existence marks the database at `path` as damaged."""
    return path.with_name(f"{path.name}-damaged")


def medium_name(task: str, path: str) -> str:
    """Return the medium of a result as stored in the index, "" if unknown."""
    return medium_of(task) or medium_of_file(path) or ""


def _register_functions(db: sqlite3.Connection) -> None:
    """Register the functions that the migration scripts call, under the names used there."""
    db.create_function("label_fact", 2, label_term, deterministic=True)
    db.create_function("review_fact", 1, review_term, deterministic=True)
    db.create_function("spaced", 1, split_cjk, deterministic=True)
    db.create_function("medium_name", 2, medium_name, deterministic=True)


def _create(db: sqlite3.Connection) -> None:
    _run_migrations(db, 0)


def _run_migrations(db: sqlite3.Connection, version: int) -> None:
    """Bring a database from `version` to the current one."""
    _register_functions(db)
    for script in _MIGRATIONS[version:]:
        for statement in _statements(script.read_text(encoding="utf-8")):
            db.execute(statement)


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit the transaction that makes a migration all or nothing.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate SQLite errors to `ProblemError`."""
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its message.
        raise DamagedDatabaseError(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        text = str(error)
        code = _code(error)
        if code == sqlite3.SQLITE_FULL:
            raise ProblemError(disk_full(path.parent, text)) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "UTF-8" in text:
            raise DamagedDatabaseError(path, text) from error
        if code in _OF_SQL and (damage := _damage(path)):
            raise DamagedDatabaseError(path, f"{text} ({damage})") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise ProblemError(cannot_write(path.parent, text)) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise ProblemError(in_use(path.parent, text)) from error
        if code == sqlite3.SQLITE_IOERR:
            if _is_full(path):
                raise ProblemError(disk_full(path.parent, text)) from error
            raise ProblemError(disconnected(path.parent, text)) from error
        raise


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _damage(path: Path) -> str:
    """Return what is wrong with a database that does not understand a statement of ours."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as db:
            return structure_damage(db) or schema_damage(db, _create)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return str(error)


def _is_full(path: Path) -> bool:
    """Return whether the database cannot grow because of a full disk, a quota or a size limit.

    SQLite reports SQLITE_FULL only for ENOSPC; EDQUOT and EFBIG are plain I/O errors to it.
    """
    try:
        size = max(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.seek(size)
            probe.write(os.urandom(1 << 16))
            probe.flush()
            os.fsync(probe.fileno())
    except (OSError, ValueError) as error:
        return isinstance(error, OSError) and error.errno in DISK_ERRNOS
    return False
