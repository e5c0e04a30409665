"""What the queue holds: a model to download as one item, and how far it has come."""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from studio.protocol import ModelSource, Problem

State: TypeAlias = Literal["waiting", "running", "paused", "failed", "done", "cancelled"]
"""`cancelled` items are no longer listed. Their files are kept to be resumed, if the user wants."""

UNFINISHED: tuple[State, ...] = ("waiting", "running", "paused", "failed")


class ItemFile(Struct, frozen=True):
    """A file of an item. `name` is relative to its folder, with `/`; `size` None if unknown."""

    name: str
    url: str
    size: int | None = None
    sha256: str = ""


class Item(Struct, frozen=True):
    """Several files of a repository, or the file of one URL, that become one folder.

    `folder` is the folder's wanted name. `texts` are small files that are written beside the
    downloaded ones: name → content.
    """

    title: str
    folder: str
    files: tuple[ItemFile, ...]
    source: ModelSource = ModelSource()
    licence: str = ""
    texts: dict[str, str] = {}

    @property
    def id(self) -> str:
        """Its id: the same for the same files of the same source."""
        files = [(file.name, file.sha256 or file.url) for file in self.files]
        named = (self.source.kind, self.source.place, self.source.revision, files)
        return hashlib.blake2b(msgspec.json.encode(named), digest_size=5).hexdigest()

    @property
    def size(self) -> int | None:
        """Bytes of all files, None if one is unknown."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


class ItemStatus(Struct, frozen=True):
    """An item and its progress at one moment.

    `done` and `total` are bytes (None if unknown), `speed` bytes per second. `folder` is the path
    of the finished model. `elsewhere` says that another process downloads it.
    """

    id: str
    title: str
    state: State
    source: ModelSource
    licence: str = ""
    done: int = 0
    total: int | None = None
    files_done: int = 0
    files_total: int = 0
    speed: float = 0.0
    seconds_left: float | None = None
    problem: Problem | None = None
    folder: str = ""
    elsewhere: bool = False
