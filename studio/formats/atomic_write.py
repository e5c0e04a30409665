"""Atomic replacement of a file, and the removal of what killed processes left of it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which deletes no file that is open
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\..+\.(\d+)-[0-9a-f]{8}\.tmp")
_EARLIER_NAME = re.compile(r"\.(?:marks\.jsonl|(?:settings|conversation|models)\.json)\.(\d+)\.tmp")
_MAX_SECONDS = 3600.0
"""A process id may belong to another process by now; no write takes this long."""


def write_atomic(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write `data` to a temporary file beside `path`, sync it and rename it to `path`.

    The folder must exist. With `private`, only the user may read the file; otherwise it keeps the
    mode of the file that it replaces. Raises `OSError` and removes the temporary file on failure.
    """
    with temporary_file(path, private=private) as (file, temporary):
        file.write(data)
        if not private and os.name != "nt":
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        publish(file, temporary, path)


@contextmanager
def temporary_file(path: Path, *, private: bool = False) -> Iterator[tuple[BufferedWriter, Path]]:
    """Open a new temporary file beside `path`; it is removed unless it was renamed.

    It is locked, so that `sweep` of another process leaves it alone. Raises `OSError`.
    """
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with open(temporary, "xb", opener=private_opener if private else None) as file:
            _lock(file.fileno())
            yield file, temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def publish(file: BufferedWriter, temporary: Path, path: Path) -> None:
    """Sync a temporary file and rename it to `path`. Raises `OSError`."""
    file.flush()
    os.fsync(file.fileno())
    if os.name == "nt":
        file.close()
    temporary.replace(path)


def sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes in a folder, not those below it."""
    try:
        with os.scandir(folder) as listed:
            entries = list(listed)
    except OSError:
        return
    for entry in entries:
        found = _NAME.fullmatch(entry.name) or _EARLIER_NAME.fullmatch(entry.name)
        if found is not None:
            with contextlib.suppress(OSError):
                if entry.is_file(follow_symlinks=False) and _is_left(Path(entry.path), found[1]):
                    Path(entry.path).unlink()


def _is_left(path: Path, process: str) -> bool:
    if is_running(int(process)) and time.time() - path.stat().st_mtime < _MAX_SECONDS:
        return False
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file, if the file system supports it. Returns False if it is locked already."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def is_running(process: int) -> bool:
    """Return whether a process of this number may be running on this machine."""
    if os.name == "nt":
        return True  # `os.kill` would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def private_opener(path: str, flags: int) -> int:
    """Open a file for `open`; a new one may be read by the user alone."""
    return os.open(path, flags, 0o600)


def make_private_folder(folder: Path) -> None:
    """Create a folder, and those above it, for the user alone. Existing ones are left as they are.

    Raises `OSError`.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder.parent == folder:
            break
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
