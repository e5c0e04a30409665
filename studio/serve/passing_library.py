"""A library for results that are delivered and not kept. It is deleted when the server ends."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.formats.atomic_write import make_private_folder
from studio.formats.folders import FileLock
from studio.library.disk_problems import file_problem
from studio.library.store import Library

_PREFIX = "served-"
_LOCK = ".lock"
_START_LOCK = ".served.lock"
_START_SECONDS = 10.0


@contextmanager
def passing_library(cache: Path) -> Iterator[Library]:
    """Open a new library below the folder of caches; delete it at the end.

    Removes those of servers that were killed. Raises `ProblemError`.
    """
    try:
        make_private_folder(cache)
        # One server at a time: another must not remove a folder before it is locked.
        with FileLock(cache / _START_LOCK, timeout=_START_SECONDS):
            _sweep(cache)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=cache))
            lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
            lock.acquire()
    except OSError as error:  # a `Timeout` is one
        raise file_problem(error, cache) from error
    try:
        yield Library.open(folder / "library", run_queue=False)
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(cache: Path) -> None:
    for folder in cache.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it is in use
            # Released before it is deleted, which Windows would refuse otherwise.
            with FileLock(folder / _LOCK, timeout=0):
                pass
            shutil.rmtree(folder, ignore_errors=True)
