"""Folders for what is not finished yet: `.tmp/studio-<token>` beside the finished files.

They lie in the destination folder, so a finished file only has to be renamed. Each belongs to
one running process, which holds a lock for as long as it lives; what a dead process left is
swept away by the next one. A lock, unlike a process number, also tells the truth between
containers and over a shared disk.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from studio.library.disk_problems import file_problem

_PARENT = ".tmp"
_PREFIX = "studio-"
_PLACES = "places"


class WorkFolders:
    """This process's work folders, one per destination. Safe to call from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._token = ""
        self._locks: dict[Path, FileLock] = {}

    @property
    def taken_token(self) -> str:
        """The token if this process has needed one yet, otherwise an empty string."""
        return self._token

    @property
    def token(self) -> str:
        """This process's name in the library, backed by a lock that dies with the process.

        Raises `ProblemError` where the library folder cannot be written.
        """
        with self._guard:
            if not self._token:
                self._token = self._claim_token()
            return self._token

    def folder(self, destination: Path, job: str) -> Path:
        """Return (made) the work folder of a job whose files go to `destination`.

        Raises `ProblemError`.
        """
        token = self.token
        with self._guard:
            try:
                if destination not in self._locks:
                    self._note(destination, token)
                    self._locks[destination] = self._locked(destination, token)
                return _made(destination, _PARENT, f"{_PREFIX}{token}", job)
            except (OSError, Timeout) as error:
                cause = error if isinstance(error, OSError) else OSError(str(error))
                raise file_problem(cause, destination) from error

    def release(self, destination: Path, job: str) -> None:
        """Throw away what is left in the work folder of a job that ended."""
        with self._guard:
            if not self._token:
                return
            ours = destination / _PARENT / f"{_PREFIX}{self._token}"
            shutil.rmtree(ours / job, ignore_errors=True)
            if destination == self._root or any(ours.glob("*")):
                return
            lock = self._locks.pop(destination, None)
            if lock is not None:
                _discard(destination, self._token, lock)

    def is_alive(self, token: str) -> bool:
        """Tell whether the process that called itself `token` still runs."""
        if not token:
            return False
        if token == self._token:
            return True
        lock = _lock(self._root, token)
        if not Path(lock.lock_file).exists():
            return False
        try:
            with lock:
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def sweep(self, destination: Path) -> None:
        """Remove what dead processes left in a destination; in the library, wherever they were."""
        parent = destination / _PARENT
        with contextlib.suppress(OSError):
            names = {path.name.removesuffix(".lock") for path in parent.glob(f"{_PREFIX}*")}
            for name in names:
                token = name.removeprefix(_PREFIX)
                if token == self._token:
                    continue
                lock = _lock(destination, token)
                with contextlib.suppress(Timeout, OSError):
                    lock.acquire()
                    for place in _noted(destination, token):
                        self.sweep(place)
                    _discard(destination, token, lock)

    def close(self) -> None:
        """Throw away this process's work folders and free its locks."""
        with self._guard:
            for destination, lock in self._locks.items():
                _discard(destination, self._token, lock)
            self._locks.clear()
            self._token = ""

    def _note(self, destination: Path, token: str) -> None:
        """Write down in the library that this process works elsewhere too, for the sweeper."""
        ours = _made(self._root, _PARENT, f"{_PREFIX}{token}")
        with (ours / _PLACES).open("ab") as file:
            file.write(os.fsencode(destination) + b"\0")

    def _claim_token(self) -> str:
        while True:
            token = secrets.token_hex(6)
            try:
                self._locks[self._root] = self._locked(self._root, token)
            except Timeout:
                continue  # another process is just sweeping this fresh lock away
            except OSError as error:
                raise file_problem(error, self._root) from error
            return token

    @staticmethod
    def _locked(destination: Path, token: str) -> FileLock:
        _made(destination, _PARENT)
        lock = _lock(destination, token)
        lock.acquire()
        if not Path(lock.lock_file).exists():
            lock.release()
            raise Timeout(lock.lock_file)
        return lock


def _made(destination: Path, *names: str) -> Path:
    """Return a folder below `destination`, made if needed.

    The destination itself is not made: where it is gone, its disk was unplugged, and what is
    written in its place would be lost from sight when it is back. Raises `OSError`.
    """
    folder = destination
    for name in names:
        folder = folder / name
        folder.mkdir(exist_ok=True)
    return folder


def _lock(destination: Path, token: str) -> FileLock:
    return FileLock(
        destination / _PARENT / f"{_PREFIX}{token}.lock",
        timeout=0,
        thread_local=False,
    )


def _noted(destination: Path, token: str) -> list[Path]:
    try:
        noted = (destination / _PARENT / f"{_PREFIX}{token}" / _PLACES).read_bytes()
    except OSError:
        return []
    places = {Path(os.fsdecode(place)) for place in noted.split(b"\0") if place}
    return sorted(places - {destination})


def _discard(destination: Path, token: str, lock: FileLock) -> None:
    parent = destination / _PARENT
    shutil.rmtree(parent / f"{_PREFIX}{token}", ignore_errors=True)
    lock.release()
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        parent.rmdir()
