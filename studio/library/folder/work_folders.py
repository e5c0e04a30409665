"""Folders for unfinished files: `.tmp/studio-<token>` in the destination folder.

They are on the same file system as the destination, so finished files only need to be renamed.
Each belongs to one process, which holds a file lock while it runs; the next process removes the
folders of dead ones. Unlike process ids, locks also work across containers and on shared disks.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from studio.formats.folders import FileLock
from studio.formats.untrusted_files import is_file, open_regular
from studio.library.disk_problems import file_problem, missing
from studio.library.folder.stored_paths import StoredPaths, leads_inside, safe_name
from studio.protocol import ProblemError, problem

_PARENT = ".tmp"
_PREFIX = "studio-"
_KEPT = "unfinished"
_JOB_FILE = "job"
_DESTINATIONS_FILE = "places"
_TOKEN = re.compile(r"[0-9a-f]{12}")
_OURS = re.compile(rf"{_PREFIX}([0-9a-f]{{12}}|export|results)(?:\.lock)?")
"""What this app writes below `.tmp`, which may be a folder of the user's own."""
_MAX_PLACES = 1_000_000
_ATTEMPTS = 100
_POLL_SECONDS = 0.002
_SWEEP_SECONDS = 2.0


class WorkFolders:
    """This process's work folders, one per destination. Methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths = StoredPaths(root)
        self._guard = threading.Lock()
        self._token = ""
        self._locks: dict[Path, FileLock] = {}
        self._identities: dict[Path, tuple[int, int]] = {}

    @property
    def current_token(self) -> str:
        """The token if this process already has one, else ""."""
        return self._token

    @property
    def token(self) -> str:
        """This process's id in the library, backed by a file lock. Created on first use.

        Raises `ProblemError` if the library folder is not writable.
        """
        with self._guard:
            if not self._token:
                self._token = self._claim_token()
            return self._token

    def folder(self, destination: Path, job: str) -> Path:
        """Create and return the work folder of a job that writes to `destination`.

        Raises `ProblemError`.
        """
        check_no_link(destination / _PARENT)
        token = self.token
        with self._guard:
            try:
                if destination not in self._locks:
                    self._record_destination(destination, token)
                    self._locks[destination] = self._acquire(destination, token)
                self._require_same(destination)
                return _make_folder(destination, _PARENT, f"{_PREFIX}{token}", safe_name(job))
            except (OSError, Timeout) as error:
                cause = error if isinstance(error, OSError) else OSError(str(error))
                raise file_problem(cause, destination) from error

    @staticmethod
    def kept_folder(destination: Path) -> Path:
        """Return the folder for what outlives a job that writes to `destination`.

        It is not created, and not swept: who writes there removes what is old. What is in a folder
        with the id of a job in the file `job` is removed once its result is stored. Raises
        `ProblemError` if it is a link to another place.
        """
        check_no_link(destination / _PARENT)
        check_no_link(destination / _PARENT / _KEPT)
        return destination / _PARENT / _KEPT

    def forget_kept(self, destination: Path, job: str) -> None:
        """Remove what a job kept, now that its result is stored. Never raises."""
        with contextlib.suppress(OSError, ProblemError):
            kept = self.kept_folder(destination)
            for folder in kept.iterdir() if is_own_folder(kept) else ():
                if is_own_folder(folder) and _read_id(folder / _JOB_FILE) == job:
                    shutil.rmtree(folder, ignore_errors=True)
            kept.rmdir()

    def _require_same(self, destination: Path) -> None:
        """Raise if another folder has taken the place of one with work folders of this process.

        It may be the empty mount point of an unplugged disk. Raises `ProblemError` and `OSError`.
        """
        status = destination.stat()
        found = status.st_dev, status.st_ino
        # Some file systems change the numbers of folders; the lock goes with its folder.
        if found != self._identities.setdefault(destination, found) and not is_file(
            Path(self._locks[destination].lock_file)
        ):
            raise ProblemError(missing(destination, "another folder is in its place"))

    def release(self, destination: Path, job: str) -> None:
        """Delete the work folder of a job that has ended."""
        with self._guard:
            if not self._token:
                return
            folder = destination / _PARENT / f"{_PREFIX}{self._token}"
            shutil.rmtree(folder / safe_name(job), ignore_errors=True)
            if destination == self._root or any(folder.glob("*")):
                return
            lock = self._locks.pop(destination, None)
            self._identities.pop(destination, None)
            if lock is not None:
                _discard(destination, self._token, lock)

    def is_alive(self, token: str) -> bool:
        """Return whether the process with this token is still running."""
        if not _TOKEN.fullmatch(token):
            return False
        if token == self._token:
            return True
        lock = _lock(self._root, token)
        if not is_file(Path(lock.lock_file)) or Path(lock.lock_file).is_symlink():
            return False
        try:
            with lock:
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def remove_stale(self, destination: Path) -> None:
        """Remove work folders of dead processes in `destination`, and in other recorded ones."""
        for folder in self.stale(destination):
            for other in _recorded_destinations(folder, destination):
                if self._paths.is_allowed(other):
                    self.remove_stale(other)

    def stale(self, destination: Path) -> Iterator[Path]:
        """Yield the work folders of dead processes in `destination`.

        Each is locked while it is used, and removed afterwards.
        """
        parent = destination / _PARENT
        if not is_own_folder(parent):
            return
        tokens: set[str] = set()
        with contextlib.suppress(OSError):
            found = (_OURS.fullmatch(path.name) for path in parent.glob(f"{_PREFIX}*"))
            tokens = {match[1] for match in found if match is not None}
        for token in tokens:
            lock = _lock(destination, token)
            file = Path(lock.lock_file)
            if token == self._token or (os.path.lexists(file) and not _is_lock(file)):
                continue
            folder = parent / f"{_PREFIX}{token}"
            with contextlib.suppress(Timeout, OSError):
                lock.acquire()
                if not (_TOKEN.fullmatch(token) and is_own_folder(folder)):
                    _remove(destination, lock)
                    continue
                try:
                    yield folder
                finally:
                    _discard(destination, token, lock)
        with contextlib.suppress(OSError):
            parent.rmdir()

    def close(self) -> None:
        """Delete this process's work folders and release its locks."""
        with self._guard:
            # The library's own last: after a crash, it says where the others are.
            for destination, lock in reversed(self._locks.items()):
                _discard(destination, self._token, lock)
            self._locks.clear()
            self._identities.clear()
            self._token = ""

    def _record_destination(self, destination: Path, token: str) -> None:
        """Record in the library that this process also has a work folder in `destination`."""
        folder = _make_folder(self._root, _PARENT, f"{_PREFIX}{token}")
        with (folder / _DESTINATIONS_FILE).open("ab") as file:
            file.write(os.fsencode(destination) + b"\0")

    def _claim_token(self) -> str:
        while True:
            token = secrets.token_hex(6)
            try:
                self._locks[self._root] = self._acquire(self._root, token)
            except Timeout:
                continue  # another process is removing the new lock as stale
            except OSError as error:
                raise file_problem(error, self._root) from error
            return token

    @staticmethod
    def _acquire(destination: Path, token: str) -> FileLock:
        lock = _lock(destination, token)
        # Only a process that takes the new lock for a stale one can hold it, and only briefly.
        _acquire(destination, lock, _SWEEP_SECONDS)
        return lock


class SharedLock:
    """A lock of a destination folder that any process may hold for a moment.

    Its file lies beside the work folders and is swept with them after a crash. Waiting for it
    fails after `seconds`.
    """

    def __init__(self, destination: Path, name: str, seconds: float) -> None:
        self._destination = destination
        self._lock = _lock(destination, name)
        self._seconds = seconds

    @contextlib.contextmanager
    def held(self) -> Iterator[SharedLock]:
        """Hold the lock. Raises `OSError`, also if another process holds it for too long."""
        _acquire(self._destination, self._lock, self._seconds)
        try:
            yield self
        finally:
            self._lock.release()

    def remove(self) -> None:
        """Remove the file of the lock, which must be held."""
        _remove(self._destination, self._lock)


def _acquire(destination: Path, lock: FileLock, seconds: float) -> None:
    """Acquire a lock whose file and folder other processes may remove meanwhile.

    Raises `OSError`, also (`Timeout`) if another process holds it for longer than `seconds`.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _make_folder(destination, _PARENT)
            _check_lock(Path(lock.lock_file))
            lock.acquire(timeout=seconds, poll_interval=_POLL_SECONDS)
        except (FileNotFoundError, FileExistsError):
            # The folder went between two steps; `mkdir` then says that it exists.
            if attempt == _ATTEMPTS or not destination.is_dir():
                raise
            continue
        if Path(lock.lock_file).exists():
            return
        lock.release()
    raise Timeout(lock.lock_file)


def _make_folder(destination: Path, *names: str) -> Path:
    """Create and return a folder below `destination`. Raises `OSError`.

    `destination` itself is not created: if it is missing, its disk was unplugged, and new files
    would be hidden once it is mounted again.
    """
    folder = destination
    for name in names:
        folder = folder / name
        folder.mkdir(exist_ok=True)
        # Raises if another process has removed it again.
        if not _is_own(folder.lstat()):
            raise NotADirectoryError(errno.ENOTDIR, "a link", str(folder))
    return folder


def is_own_folder(path: Path) -> bool:
    """Return whether there is a folder at `path`, and not a link to one. Never raises."""
    try:
        return _is_own(path.lstat())
    except (OSError, ValueError):
        return False


def _is_own(status: os.stat_result) -> bool:
    # Windows calls links between folders junctions, and shows them as folders.
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)
    is_junction = junction is not None and getattr(status, "st_reparse_tag", 0) == junction
    return stat.S_ISDIR(status.st_mode) and not is_junction


def check_no_link(path: Path) -> None:
    """Raise `ProblemError` if a path is a link that leads out of its folder.

    The folder may come from somebody else: files behind the link are not to be touched.
    """
    if os.path.lexists(path) and not leads_inside(path.parent, path):
        raise problem(
            "bad_input",
            "{name} in {path} is a link to another place. Remove it, or choose another folder.",
            name=path.name,
            path=path.parent,
        )


def _check_lock(file: Path) -> None:
    """Remove a link in the place of a lock: the file behind it would be emptied.

    Raises `OSError` if something else is there.
    """
    try:
        status = file.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        file.unlink(missing_ok=True)
    elif not stat.S_ISREG(status.st_mode) or status.st_size:
        raise OSError(errno.EINVAL, "not a lock", str(file))


def _is_lock(path: Path) -> bool:
    """Return whether this is the file of a lock: acquiring another file would empty it."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def _lock(destination: Path, token: str) -> FileLock:
    return FileLock(
        destination / _PARENT / f"{_PREFIX}{token}.lock",
        timeout=0,
        thread_local=False,
    )


def _read_id(file: Path) -> str:
    try:
        with open_regular(file) as opened:
            return opened.read(100).decode("ascii", "replace")
    except OSError:
        return ""


def _recorded_destinations(folder: Path, destination: Path) -> list[Path]:
    try:
        file = folder / _DESTINATIONS_FILE
        with open_regular(file) as opened:
            recorded = opened.read(_MAX_PLACES)
    except OSError:
        return []
    paths = {Path(os.fsdecode(path)) for path in recorded.split(b"\0") if path}
    return sorted(paths - {destination})


def _discard(destination: Path, token: str, lock: FileLock) -> None:
    shutil.rmtree(destination / _PARENT / f"{_PREFIX}{token}", ignore_errors=True)
    _remove(destination, lock)


def _remove(destination: Path, lock: FileLock) -> None:
    """Remove the file of a lock that is held, and release it.

    Where the system allows it, the file goes first: after the release, it could be that of a
    process that has just acquired it.
    """
    file = Path(lock.lock_file)
    if os.name == "nt":
        lock.release()
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)
    lock.release()
    with contextlib.suppress(OSError):
        (destination / _PARENT).rmdir()
