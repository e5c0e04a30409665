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

_EARLIER = b"earlier folders are listed"
"""An entry that is no absolute path."""


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
        self._append(os.fsencode(_key(folder)))

    def has_earlier(self) -> bool:
        """Return whether `add_earlier` was called before, on this computer."""
        try:
            return _EARLIER in self._file.read_bytes().split(b"\0")
        except OSError:
            return False

    def add_earlier(self, folders: Iterable[Path]) -> None:
        """List folders that were chosen before there was a list. Raises `OSError`."""
        for folder in folders:
            self.add(folder)
        self._append(_EARLIER)

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

    def _append(self, entry: bytes) -> None:
        make_private_folder(self._file.parent)
        # One write at the end: two processes may list folders at the same time.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._file, flags, 0o600)
        try:
            os.write(descriptor, entry + b"\0")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _key(folder: Path) -> str:
    return os.path.normcase(folder.absolute())
