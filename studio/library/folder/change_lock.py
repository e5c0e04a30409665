"""The lock under which files and marks of a library are changed, by one thread of one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from studio.formats.folders import FileLock
from studio.library.disk_problems import file_problem
from studio.protocol import problem

_CHANGES_LOCK = ".changes.lock"
_REBUILD_LOCK = ".rebuild.lock"
_RECOVERY_LOCK = ".recovery.lock"
_CHANGE_SECONDS = 20.0
_REBUILD_SECONDS = 900.0


class ChangeLock:
    """Held while files are moved and marks are written. Can be acquired repeatedly by a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._thread_lock = threading.RLock()
        self._lock = FileLock(root / _CHANGES_LOCK, timeout=_CHANGE_SECONDS, thread_local=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock. Raises `ProblemError` if another process holds it for long."""
        with self._thread_lock, held_lock(self._lock, self._root):
            yield


def rebuild_lock(root: Path) -> FileLock:
    """Return the lock of the process that rebuilds the index; others wait for it."""
    return FileLock(root / _REBUILD_LOCK, timeout=_REBUILD_SECONDS, thread_local=False)


def recovery_lock(root: Path) -> FileLock:
    """Return the lock of the process that sets a damaged index aside; others wait for it."""
    return FileLock(root / _RECOVERY_LOCK, timeout=_REBUILD_SECONDS, thread_local=False)


@contextmanager
def held_lock(lock: FileLock, root: Path) -> Iterator[None]:
    """Hold a lock of the library in `root`. Raises `ProblemError`."""
    try:
        lock.acquire()
    except Timeout as error:
        raise problem(
            "bad_input",
            "The library in {path} is in use by another program. Try again in a moment.",
            str(error),
            path=root,
        ) from error
    except OSError as error:
        raise file_problem(error, root) from error
    try:
        yield
    finally:
        lock.release()
