"""The files of storyboards: one each, in a folder of the library."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import Timeout

from studio.formats.atomic_write import sweep
from studio.formats.folders import FileLock
from studio.formats.json_file import read_own_json_file, set_aside, write_json_file
from studio.formats.untrusted_files import entries_of, is_folder
from studio.library.disk_problems import file_problem
from studio.library.folder.stored_paths import leads_inside
from studio.library.library_place import make_in_library
from studio.protocol import problem
from studio.storyboard.board import Board

FOLDER = "storyboards"
_ID = re.compile(r"[0-9a-z][0-9a-z-]{0,63}")


def new_id() -> str:
    """Return the id of a new storyboard."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(4).hex()}"


def id_of_script(script: bytes, *settings: str) -> str:
    """Return the id of the storyboard of a script with some settings: the same each time."""
    digest = hashlib.sha256(script)
    for each in settings:
        digest.update(b"\0" + each.encode("utf-8", "replace"))
    return f"script-{digest.hexdigest()[:24]}"


class BoardFiles:
    """The storyboards in the library at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / FOLDER

    def ids(self) -> list[str]:
        """Return the ids of all storyboards, the last changed first."""
        if not is_folder(self.folder) or not leads_inside(self._root, self.folder):
            return []
        found: list[tuple[float, str]] = []
        for entry in entries_of(self.folder):
            if entry.suffix == ".json" and _ID.fullmatch(entry.stem):
                try:
                    found.append((entry.stat().st_mtime, entry.stem))
                except OSError:
                    continue
        return [id for _, id in sorted(found, reverse=True)]

    def read(self, id: str) -> Board | None:
        """Return a storyboard, None if there is none.

        Raises `ProblemError` if it cannot be read. A damaged file is kept under another name.
        """
        path = self._path(id)
        try:
            return read_own_json_file(path, Board)
        except msgspec.DecodeError as error:
            aside = set_aside(path)
            raise problem(
                "bad_input",
                "The storyboard {name} is damaged. It is kept as {aside}.",
                str(error),
                name=path.name,
                aside=aside.name,
            ) from error
        except OSError as error:
            raise file_problem(error, path) from error

    def write(self, id: str, board: Board) -> None:
        """Store a storyboard. Raises `ProblemError`."""
        path = self._path(id)
        try:
            make_in_library(self._root, self.folder)
            sweep(self.folder)
            write_json_file(path, msgspec.structs.replace(board, used=time.time()))
        except OSError as error:
            raise file_problem(error, path) from error

    def delete(self, id: str) -> None:
        """Remove a storyboard; its pictures, voices and films stay. Raises `ProblemError`."""
        try:
            self._path(id).unlink(missing_ok=True)
        except OSError as error:
            raise file_problem(error, self._path(id)) from error

    @contextmanager
    def making(self, id: str) -> Iterator[None]:
        """Hold a storyboard while its parts are made. Raises `ProblemError` if another does."""
        try:
            make_in_library(self._root, self.folder)
            lock = FileLock(self.folder / f".{id}.lock", timeout=0, thread_local=False)
            lock.acquire()
        except Timeout:
            raise problem(
                "bad_input", "Another process is making this storyboard. Wait until it is done."
            ) from None
        except OSError as error:
            raise file_problem(error, self.folder) from error
        try:
            yield
        finally:
            lock.release()

    def _path(self, id: str) -> Path:
        assert _ID.fullmatch(id), id
        return self.folder / f"{id}.json"
