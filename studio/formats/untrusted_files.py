"""Look at files and folders that may be anything: absent, unreadable, pipes, links in a circle.

Only regular files are opened, since opening a pipe blocks and a device may have no end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_MAX_FILES = 20_000
"""Files of a folder that are looked at."""


def is_file(path: Path) -> bool:
    """Return whether a regular file can be reached at `path`. Never raises."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether a folder can be reached at `path`. Never raises."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def entries_of(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted by name; nothing if it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):
        return []


def files_below(path: Path) -> list[Path]:
    """Return a file itself, or the files in a folder and below it. Links to folders are left."""
    if not is_folder(path):
        return [path] if is_file(path) else []
    found: list[Path] = []
    waiting = [path]
    while waiting and len(found) < _MAX_FILES:
        for entry in entries_of(waiting.pop()):
            if is_folder(entry):
                if not entry.is_symlink():
                    waiting.append(entry)
            elif is_file(entry):
                found.append(entry)
    return found


def first_link(folder: Path) -> Path | None:
    """Return a link at a path or, if that is a folder, anywhere below it; None if there is none."""
    if folder.is_symlink():
        return folder
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if Path(parent, name).is_symlink():
                return Path(parent, name)
    return None


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading. Raises `OSError` if it is not a regular file."""
    # Without O_NONBLOCK, opening a pipe waits for its writer.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a null character in the name
        raise OSError(str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def open_to_append(path: Path) -> int:
    """Open a file for appending, new ones for the user alone. Return its descriptor.

    Raises `OSError` if it is not a regular file; a pipe is not waited for.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def read_start(path: Path, length: int) -> bytes:
    """Return up to `length` bytes from the start of a file. Raises `OSError`."""
    with open_regular(path) as file:
        return file.read(length)


def is_unicode(path: Path) -> bool:
    """Return whether a name can be stored as text; file systems allow any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str, length: int = 300) -> str:
    """Return a text that can be stored and shown: shortened, and without lone surrogates."""
    shown = text if len(text) <= length else f"{text[: length - 1]}…"
    return shown.encode("utf-8", "replace").decode()


def user_path(text: str | Path, folder: Path | None = None) -> Path:
    """Return the absolute path that a person typed; `~` of an unknown user has no meaning.

    Relative paths start from `folder`, by default the current one.
    """
    path = Path(text)
    with contextlib.suppress(RuntimeError, ValueError):
        path = path.expanduser()
    return path.absolute() if folder is None else (folder / path).absolute()
