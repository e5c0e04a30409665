"""`registry.json`: the models that the user added, and the ids of all models found."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec
from filelock import Timeout
from msgspec import Struct

from studio.formats.folders import FileLock
from studio.formats.json_file import read_own_json_file, set_aside, write_json_file
from studio.models.description_cache import path_key
from studio.models.starter_pack import MODELS as STARTER_MODELS
from studio.protocol import Problem, ProblemError, Sentence, problem

LOCK_SECONDS = 5.0


class Entry(Struct):
    """The permanent id of a model.

    `added` is False if the model was found in the models folder or in an added folder. `hidden`
    means that the user removed a model whose files are still there. `name` is what the program
    whose folder it is calls it, or empty.
    """

    id: str
    path: str
    added: bool = True
    hidden: bool = False
    name: str = ""


Entries: TypeAlias = list[Entry]


class Content(Struct):
    """The list of models, and the folders that are searched for more."""

    version: int = 1
    models: Entries = []
    folders: list[str] = []


class RegistryFile:
    """Reads and edits the file. The app and the command line may do so at the same time.

    `missing_folder` returns the error to raise if the folder of the file is not there now, and
    `make_folder` creates it before the file is edited, if it may be made.
    """

    def __init__(
        self,
        file: Path,
        missing_folder: Callable[[], ProblemError | None] = lambda: None,
        make_folder: Callable[[], None] = lambda: None,
    ) -> None:
        self.file = file
        self._damaged: Problem | None = None
        self._unreadable: Problem | None = None
        self._missing_folder = missing_folder
        self._make_folder = make_folder

    @property
    def problem(self) -> Problem | None:
        """What was wrong with the file: now, or damage for which it was set aside."""
        return self._unreadable or self._damaged

    def read(self) -> Content:
        """Return the content; nothing if it cannot be read (`problem`)."""
        self._unreadable = None
        try:
            return self._read()
        except ProblemError as error:
            self._unreadable = error.problem
            return Content()

    def _read(self) -> Content:
        """Like `read`. Raises `ProblemError` if the file is there but cannot be read now."""
        missing = self._missing_folder()
        if missing is not None:
            raise missing
        try:
            content = read_own_json_file(self.file, Content)
        except OSError as error:
            raise problem(
                "bad_input",
                "The list of your models in {path} cannot be read: {reason}.",
                detail=str(error),
                path=self.file,
                reason=error.strerror or type(error).__name__,
            ) from error
        except msgspec.DecodeError as error:
            self._damaged = Problem(
                "bad_input",
                Sentence(
                    "The list of your models was damaged. It was kept as {path}. "
                    "Add your models again.",
                    {"path": str(set_aside(self.file))},
                ),
                str(error),
            )
            return Content()
        return content if content is not None else Content()

    @contextmanager
    def edit(self) -> Iterator[Content]:
        """Yield the content for changes in place, which are saved at the end of the block.

        Raises `ProblemError` if another program has locked the file, or it cannot be read or
        written.
        """
        missing = self._missing_folder()
        if missing is not None:
            raise missing
        try:
            self._make_folder()
            lock = FileLock(self.file.with_name(".registry.lock"), timeout=LOCK_SECONDS)
            with lock:
                content = self._read()
                before = msgspec.json.encode(content)
                yield content
                if msgspec.json.encode(content) != before or not self.file.exists():
                    write_json_file(self.file, content)
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


class Found(Struct, frozen=True):
    """A model found in a folder, the id wanted for it, and what that folder's program calls it."""

    path: str
    id: str
    name: str = ""


def add_found(content: Content, found: Iterable[Found], taken: Collection[str]) -> Content:
    """Add entries for models that have none, with ids that are free and not in `taken`."""
    known = {path_key(entry.path) for entry in content.models}
    ids = FreeIds(content.models, taken)
    for each in found:
        if path_key(each.path) not in known:
            known.add(path_key(each.path))
            content.models.append(Entry(ids.take(each.id), each.path, added=False, name=each.name))
    return content


def entry_at(entries: Entries, path: Path) -> Entry | None:
    """Return the entry of a path, or None."""
    return next((entry for entry in entries if path_key(entry.path) == path_key(path)), None)


def entry_again(entries: Entries, id: str, path: Path, described: Path) -> Entry:
    """Return the entry of a model that is back at `path`, which has its id unless that is taken."""
    # The entry of a file may name the folder that it lies in.
    former = [entry for entry in entries if entry.id == id and path.is_relative_to(entry.path)]
    found = (*former, entry_at(entries, path), entry_at(entries, described))
    entry = next((entry for entry in found if entry is not None), None)
    if entry is None:
        entry = Entry("", str(path))
        entries.append(entry)
    if entry.id != id:
        entry.id = ""
        entry.id = FreeIds(entries).take(id)
    entry.hidden = False
    return entry


class FreeIds:
    """Ids that no entry and no starter model has, nor is in `taken`."""

    def __init__(self, entries: Entries, taken: Collection[str] = ()) -> None:
        self._used = {entry.id for entry in entries} | set(STARTER_MODELS) | set(taken)
        self._next: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """Return `wanted`, with a number if it is taken already. It is taken then."""
        name, number = wanted, self._next.get(wanted, 2)
        while name in self._used:
            name, number = f"{wanted}-{number}", number + 1
        self._next[wanted] = number
        self._used.add(name)
        return name
