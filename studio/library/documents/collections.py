"""Folders of documents that have a name in the library: `documents/collections.json`.

Only names and folders are kept. What is in them is read when it is asked for, and what has not
changed since is in the index.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import write_atomic
from studio.formats.folders import FileLock, make_below
from studio.formats.untrusted_files import is_folder, printable, read_start, user_path
from studio.library.disk_problems import file_problem
from studio.protocol import problem

_FOLDER, _NAME = "documents", "collections.json"
_MAX_BYTES = 4 * 2**20
MAX_NAME = 100
_LOCK_SECONDS = 10.0


class Collection(Struct, frozen=True):
    """A folder with a name."""

    name: str
    folder: str


class Collections:
    """The collections of a library."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / _FOLDER / _NAME

    def all(self) -> list[Collection]:
        """Return the collections in the order of their names. What is damaged is none."""
        try:
            data = read_start(self._file, _MAX_BYTES)
            found = msgspec.json.decode(data, type=list[Collection])
        except (OSError, msgspec.DecodeError):
            return []
        return sorted(found, key=lambda each: each.name.casefold())

    def find(self, name: str) -> Collection:
        """Return a collection by its name. Raises `ProblemError` (bad_input)."""
        known = self.all()
        for each in known:
            if each.name.casefold() == name.casefold():
                return each
        raise problem(
            "bad_input",
            "There is no collection {name}. There are: {names}.",
            name=printable(name),
            names=", ".join(each.name for each in known) or "–",
        )

    def add(self, folder: Path, name: str = "") -> Collection:
        """Add a folder under a name, by default its own. Raises `ProblemError`."""
        folder = user_path(folder)
        if not is_folder(folder):
            raise problem("bad_input", "There is no folder at {path}.", path=printable(str(folder)))
        name = " ".join((name or folder.name).split())
        if not name or len(name) > MAX_NAME:
            raise problem(
                "bad_input", "The name of a collection has 1 to {most} characters.", most=MAX_NAME
            )
        added = Collection(printable(name), printable(str(folder), 4_000))
        with self._lock():
            others = [each for each in self.all() if each.name.casefold() != name.casefold()]
            if len(others) < len(self.all()) and self.find(name).folder != added.folder:
                raise problem(
                    "bad_input",
                    "There is a collection {name} already. Choose another name.",
                    name=added.name,
                )
            self._write([*others, added])
        return added

    def remove(self, name: str) -> None:
        """Forget a collection; the files of its folder stay. Raises `ProblemError`."""
        with self._lock():
            found = self.find(name)
            self._write([each for each in self.all() if each != found])

    def _lock(self) -> FileLock:
        try:
            make_below(self._root, self._file.parent)
            lock = FileLock(self._file.with_suffix(".lock"), timeout=_LOCK_SECONDS)
            lock.acquire()
            lock.release()
        except OSError as error:
            raise file_problem(error, self._file) from error
        return lock

    def _write(self, collections: list[Collection]) -> None:
        try:
            write_atomic(self._file, msgspec.json.format(msgspec.json.encode(collections)))
        except OSError as error:
            raise file_problem(error, self._file) from error
