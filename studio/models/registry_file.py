"""The list of models the user added, and the ids that models were given: `registry.json`."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec
from filelock import FileLock, Timeout
from msgspec import Struct

from studio.formats.json_file import read_json_file, set_aside, write_json_file
from studio.protocol import Problem, Sentence, problem

LOCK_SECONDS = 5.0


class Entry(Struct):
    """A model once seen keeps its id. `added` false: it was found in the models folder.

    A hidden one was removed by the user and is not found again.
    """

    id: str
    path: str
    added: bool = True
    hidden: bool = False


Entries: TypeAlias = list[Entry]


class _Remembered(Struct):
    version: int = 1
    models: Entries = []


class RegistryFile:
    """Reads and changes the file. The app and the command line may do so at the same time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.damaged: Problem | None = None

    def read(self) -> Entries:
        """Return the entries. A damaged file is set aside and said in `damaged`."""
        try:
            held = read_json_file(self.file, _Remembered)
        except msgspec.DecodeError as error:
            self.damaged = Problem(
                "bad_input",
                Sentence(
                    "The list of your models was damaged. It was kept as {path}. "
                    "Add your models again.",
                    {"path": str(set_aside(self.file))},
                ),
                str(error),
            )
            return []
        return held.models if held is not None else []

    @contextmanager
    def changing(self) -> Iterator[Entries]:
        """Give the entries to be changed in place; they are saved when the block ends.

        Raises `ProblemError` where another program holds the file or it cannot be written.
        """
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.file.with_name(".registry.lock"), timeout=LOCK_SECONDS)
            with lock:
                entries = self.read()
                before = msgspec.json.encode(entries)
                yield entries
                if msgspec.json.encode(entries) != before:
                    write_json_file(self.file, _Remembered(models=entries))
        except Timeout as error:
            raise problem(
                "bad_input",
                "Another program is changing the list of models. Try again in a moment.",
                detail=str(error),
            ) from error
        except OSError as error:
            raise problem(
                "disk_full" if error.errno == errno.ENOSPC else "bad_input",
                "The list of your models could not be saved in {path}. Check the folder's "
                "permissions.",
                detail=str(error),
                path=self.file.parent,
            ) from error
