"""The folders outside the library that this user chose for results (`-o DIR`, the window).

A library that came from somebody else may name any folder of this computer for its results and
jobs. What it names is read and written only in folders that are listed here, in a file beside the
settings, which no library contains.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from studio.formats.atomic_write import make_private_folder


class ChosenFolders:
    """The list in `file`. Methods may be called from any thread, and from several processes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._version: tuple[int, int] | None = None

    def add(self, folder: Path) -> None:
        """List a folder that the user chose. Raises `OSError`."""
        if self.contains(folder):
            return
        make_private_folder(self._file.parent)
        # One write at the end: two processes may list folders at the same time.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._file, flags, 0o600)
        try:
            os.write(descriptor, os.fsencode(_key(folder)) + b"\0")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def exists(self) -> bool:
        """Return whether there is a list, even an empty one."""
        return self._file.exists()

    def begin(self, folders: Iterable[Path]) -> None:
        """Make the list, with these folders. Raises `OSError`."""
        for folder in folders:
            self.add(folder)
        make_private_folder(self._file.parent)
        self._file.touch(0o600)

    def contains(self, folder: Path) -> bool:
        """Return whether the user chose this folder; the folder itself is not touched."""
        with self._lock:
            try:
                status = self._file.stat()
                version = status.st_mtime_ns, status.st_size
                if version != self._version:
                    listed = self._file.read_bytes().split(b"\0")
                    self._known = frozenset(os.fsdecode(entry) for entry in listed if entry)
                    self._version = version
            except OSError:
                return False
            return _key(folder) in self._known


def _key(folder: Path) -> str:
    return os.path.normcase(folder.absolute())
