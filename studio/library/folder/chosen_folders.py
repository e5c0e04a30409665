"""The folders that this user chose for results (`-o DIR`, the window), and those with a library.

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
from studio.formats.untrusted_files import open_regular, open_to_append

_EARLIER = "earlier folders are listed"
"""An entry that is no absolute path."""
_DISK = "disk "
"""Starts an entry with the mount point of the disk that a chosen folder is on."""
_LIBRARY = "library "
"""Starts an entry with a folder in which there was a library."""
_NEW_LIBRARY = "new library "
"""Starts an entry with a folder that was chosen for a library anew: an earlier one may be gone."""


class ChosenFolders:
    """The list in `file`. Methods may be called from any thread, and from several processes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._version: tuple[int, int] | None = None

    def add(self, folder: Path) -> None:
        """List a folder that the user chose. Raises `OSError`."""
        self._add(_key(folder), folder)

    def add_library(self, folder: Path) -> None:
        """List a folder in which there is a library. Raises `OSError`."""
        self._add(f"{_LIBRARY}{_key(folder)}", folder)

    def had_library(self, folder: Path) -> bool:
        """Return whether there was a library in this folder, since it was chosen for one."""
        return f"{_LIBRARY}{_key(folder)}" in self._listed()

    def choose_library(self, folder: Path) -> None:
        """Forget the library that was in a folder: it is chosen for a new one. Raises `OSError`."""
        if self.had_library(folder):
            self._append(os.fsencode(f"{_NEW_LIBRARY}{_key(folder)}"))

    def _add(self, entry: str, folder: Path) -> None:
        listed = self._listed()
        disk = _mount_point(folder)
        for each in (entry, f"{_DISK}{disk}" if disk is not None else ""):
            if each and each not in listed:
                self._append(os.fsencode(each))

    def has_earlier(self) -> bool:
        """Return whether `add_earlier` was called before, on this computer."""
        return _EARLIER in self._listed()

    def add_earlier(self, folders: Iterable[Path]) -> None:
        """List folders that were chosen before there was a list. Raises `OSError`."""
        for folder in folders:
            self.add(folder)
        self._append(os.fsencode(_EARLIER))

    def contains(self, folder: Path) -> bool:
        """Return whether the user chose this folder; the folder itself is not touched."""
        return _key(folder) in self._listed()

    def unplugged_disk(self, folder: Path) -> Path | None:
        """Return the mount point of a folder's disk if it is empty because the disk is unplugged.

        Only disks on which a folder was chosen before are known.
        """
        listed = self._listed()
        try:
            real = Path(os.path.realpath(folder))
        except (OSError, ValueError):  # no folder can have such a name
            return None
        if os.name == "nt" and not Path(real.anchor).exists():
            return Path(real.anchor)
        for place in (real, *real.parents):
            if f"{_DISK}{place}" in listed and not _is_in_use(place):
                return place
        return None

    def _listed(self) -> frozenset[str]:
        """Return the entries of the list; none if it cannot be read."""
        with self._lock:
            try:
                status = self._file.stat()
                version = status.st_mtime_ns, status.st_size
                if version != self._version:
                    with open_regular(self._file) as file:
                        entries = file.read().split(b"\0")
                    self._known = _known(os.fsdecode(entry) for entry in entries if entry)
                    self._version = version
            except OSError:
                return frozenset()
            return self._known

    def _append(self, entry: bytes) -> None:
        make_private_folder(self._file.parent)
        # One write at the end: two processes may list folders at the same time.
        descriptor = open_to_append(self._file)
        try:
            os.write(descriptor, entry + b"\0")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _known(entries: Iterable[str]) -> frozenset[str]:
    known: set[str] = set()
    for entry in entries:
        if entry.startswith(_NEW_LIBRARY):
            known.discard(f"{_LIBRARY}{entry.removeprefix(_NEW_LIBRARY)}")
        else:
            known.add(entry)
    return frozenset(known)


def _mount_point(folder: Path) -> Path | None:
    """Return where the disk of a folder is mounted, None if that is the root of the system."""
    real = Path(os.path.realpath(folder))
    place = next((path for path in (real, *real.parents) if os.path.ismount(path)), None)
    return None if place is None or place.parent == place else place


def _is_in_use(place: Path) -> bool:
    """Return whether a disk is mounted here, or the folder is used without it."""
    try:
        return os.path.ismount(place) or any(place.iterdir())
    except OSError:
        return False


def _key(folder: Path) -> str:
    return os.path.normcase(folder.absolute())
