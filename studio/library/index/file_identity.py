"""Whether a database file is still the one that was opened, and whether others have it open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TypeAlias

# Where SQLite locks a database file: a connection in WAL mode holds a shared lock on these bytes
# as long as it is open (https://www.sqlite.org/src/file/src/os.h, SHARED_FIRST and SHARED_SIZE).
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510

Identity: TypeAlias = tuple[int, int] | None
"""Device and number of a file, None if there is none."""


def identity(path: Path) -> Identity:
    """Return what distinguishes a file from one that takes its place, None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_open_elsewhere(path: Path) -> bool:
    """Return whether another process has an SQLite database in WAL mode open.

    This process must have no connection to it: closing the file would release its locks.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:
        return False
    try:
        return not _can_lock(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _can_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _SHARED_FIRST, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, _SHARED_SIZE)
        except OSError:
            return False
        os.lseek(descriptor, _SHARED_FIRST, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, _SHARED_SIZE)
        return True

else:
    import fcntl

    def _can_lock(descriptor: int) -> bool:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except OSError:
            return False
        return True
