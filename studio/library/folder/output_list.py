"""The folders outside the library that hold results of it, in `library.outputs`.

The index knows them too; this list is for the time when the index is lost. One folder a line, as a
JSON string. A library may come from anybody: only folders that this user chose are used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from studio.formats.untrusted_files import open_regular, open_to_append
from studio.library.folder.chosen_folders import ChosenFolders
from studio.settings import default_paths

OUTPUTS_FILE = "library.outputs"
_MAX_LINE = 8_192
_MAX_LINES = 20_000


class OutputList:
    """The list of the library in `root`. Methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / OUTPUTS_FILE
        self._added: set[Path] = set()

    def exists(self) -> bool:
        """Return whether there is a list."""
        return os.path.lexists(self._file)

    def begin(self, folders: Iterable[Path]) -> None:
        """Make the list, of the folders that the index knows. Raises `OSError`."""
        self._append(folders)

    def add(self, folder: Path) -> None:
        """List a folder. Raises `OSError`."""
        if folder in self._added:
            return
        if folder not in self._listed():
            self._append([folder])
        self._added.add(folder)

    def folders(self) -> list[Path]:
        """Return the listed folders outside the library that this user chose."""
        chosen = ChosenFolders(default_paths().chosen_folders)
        return [
            folder
            for folder in self._listed()
            if folder.is_absolute()
            and not folder.is_relative_to(self._root)
            and chosen.contains(folder)
        ]

    def _listed(self) -> list[Path]:
        """Return the folders without repetitions; damaged lines are skipped."""
        found: dict[Path, None] = {}
        try:
            with open_regular(self._file) as file:
                for _ in range(_MAX_LINES):
                    line = file.readline(_MAX_LINE)
                    if not line:
                        break
                    try:
                        found[Path(msgspec.json.decode(line, type=str))] = None
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        continue
        except OSError:
            pass
        return list(found)

    def _append(self, folders: Iterable[Path]) -> None:
        # The file may end in a line truncated by a crash.
        lines = (b"\n" + msgspec.json.encode(str(folder)) + b"\n" for folder in folders)
        descriptor = open_to_append(self._file)
        try:
            os.write(descriptor, b"".join(lines))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
