"""The queue on disk: a hidden folder in the models folder, with a folder for each item.

    .downloading/<id>/item.json     the item; never changes
    .downloading/<id>/state.json    its state and place in the order
    .downloading/<id>/files/        what was downloaded; becomes the model's folder at the end
    .downloading/<id>.lock          locked by the process that downloads the item

Damage to one file concerns one item. A lock is released by the system when its process ends in
any way, so that an item in state `running` whose lock is free was interrupted.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import Timeout
from msgspec import Struct

from studio.downloads.http_problems import disk_problem
from studio.downloads.item import Item, State
from studio.formats.folders import FileLock
from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.untrusted_files import entries_of, first_link, is_folder
from studio.protocol import Problem, ProblemError, problem

FOLDER = ".downloading"
_LOCK_SECONDS = 10.0
_ID = re.compile(r"[0-9a-f]{10}")


class Record(Struct):
    """The state of an item. `remove` asks its process to delete what was downloaded."""

    state: State = "waiting"
    order: float = 0.0
    problem: Problem | None = None
    folder: str = ""
    remove: bool = False


class QueueFolder:
    """Reads and writes the files of the queue. Several processes may do so at the same time.

    `make_models` creates the models folder if it may be made, and raises `ProblemError` if it is
    not there now.
    """

    def __init__(self, models: Path, make_models: Callable[[], None] = lambda: None) -> None:
        self.models = models
        self._make_models = make_models
        self.root = models / FOLDER
        self._items: dict[str, Item] = {}

    @property
    def is_there(self) -> bool:
        """Whether there is a queue: its disk may be unplugged, or nothing was downloaded yet."""
        return self.root.is_dir()

    def ids(self) -> list[str]:
        """Return the ids of all items, in their order."""
        if self.root.is_symlink():
            return []
        found = [
            (record.order, entry.name)
            for entry in entries_of(self.root)
            if is_folder(entry) and (record := self.record(entry.name)) is not None
        ]
        return [id for _, id in sorted(found)]

    def item(self, id: str) -> Item | None:
        """Return an item, None if it is unknown or its file is damaged."""
        known = self._items.get(id)  # it never changes, and may have thousands of files
        if known is not None:
            return known
        try:
            item = read_json_file(self.root / id / "item.json", Item)
        except msgspec.DecodeError:
            return None
        if item is not None:
            self._items[id] = item
        return item

    def record(self, id: str) -> Record | None:
        """Return the state of an item; None if it is unknown."""
        # A models folder may come from somebody else: what is written here goes nowhere else.
        if not _ID.fullmatch(id) or self.root.is_symlink() or (self.root / id).is_symlink():
            return None
        try:
            record = read_json_file(self.root / id / "state.json", Record)
        except msgspec.DecodeError:
            record = Record()
        if record is not None and record.folder != Path(record.folder).name:
            record.folder = ""
        if record is None and (self.root / id / "item.json").exists():
            record = Record()
        return record

    def files(self, id: str) -> Path:
        """Return the folder for the files of an item."""
        return self.root / id / "files"

    @contextmanager
    def edit(self, id: str) -> Iterator[Record]:
        """Yield the state of an item for changes, which are saved at the end of the block.

        Raises `ProblemError` if it is unknown or cannot be saved.
        """
        with self._exclusive():
            record = self.record(id)
            if record is None:
                raise unknown(id)
            before = msgspec.json.encode(record)
            yield record
            if msgspec.json.encode(record) != before:
                write_json_file(self.root / id / "state.json", record)

    def add(self, item: Item, *, first: bool) -> None:
        """Store an item, or set a stored one to waiting again unless it is running or done."""
        with self._exclusive(is_new=True):
            require_no_links(self.root / item.id)
            (self.root / item.id).mkdir(exist_ok=True)
            record = self.record(item.id) or Record(order=self._order(first=first))
            if record.state != "running" or self.item(item.id) is None:
                write_json_file(self.root / item.id / "item.json", item)
                self._items[item.id] = item
            is_done = record.state == "done" and (self.models / record.folder).is_dir()
            if record.state != "running" and not is_done:
                if record.state in ("cancelled", "done"):
                    record = Record(order=self._order(first=first))
                record.state, record.problem, record.remove = "waiting", None, False
            write_json_file(self.root / item.id / "state.json", record)

    def move(self, id: str, before: str | None) -> None:
        """Move an item before another, or to the end."""
        with self._exclusive():
            ids = [other for other in self.ids() if other != id]
            if self.record(id) is None or (before is not None and before not in ids):
                raise unknown(id if before is None or before in ids else before)
            ids.insert(len(ids) if before is None else ids.index(before), id)
            for number, other in enumerate(ids):
                record = self.record(other) or Record()
                if record.order != number:
                    record.order = float(number)
                    write_json_file(self.root / other / "state.json", record)

    def forget(self, id: str) -> None:
        """Delete an item and what was downloaded of it, but not a finished model."""
        self._items.pop(id, None)
        if self.root.is_symlink():
            return
        # First, since an item without its state would be taken for one that waits.
        with contextlib.suppress(OSError):
            (self.root / id / "item.json").unlink()
        shutil.rmtree(self.root / id, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._lock_file(id).unlink(missing_ok=True)

    @contextmanager
    def claim(self, id: str) -> Iterator[bool]:
        """Lock an item for this process and thread; yields False if another one holds it.

        Raises `ProblemError` if the folder cannot be written to.
        """
        lock = FileLock(self._lock_file(id), timeout=0)
        require_no_link(self.root)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        except OSError as error:
            raise disk_problem(self.root, error) from error
        try:
            yield True
        finally:
            lock.release()

    def is_claimed(self, id: str) -> bool:
        """Return whether a process downloads the item now."""
        if not self._lock_file(id).exists():
            return False
        try:
            with self.claim(id) as claimed:
                return not claimed
        except ProblemError:
            return False

    def _lock_file(self, id: str) -> Path:
        return self.root / f"{id}.lock"

    def _order(self, *, first: bool) -> float:
        orders = [record.order for id in self.ids() if (record := self.record(id)) is not None]
        if not orders:
            return time.time() // 1
        return min(orders) - 1 if first else max(orders) + 1

    @contextmanager
    def _exclusive(self, *, is_new: bool = False) -> Iterator[None]:
        require_no_link(self.root)
        try:
            if is_new:
                self._make_models()
                self.root.mkdir(exist_ok=True)
            with FileLock(self.root / ".lock", timeout=_LOCK_SECONDS):
                yield
        except Timeout as error:
            raise problem(
                "bad_input",
                "Another program is changing the list of downloads. Try again in a moment.",
                detail=str(error),
            ) from error
        except OSError as error:
            raise disk_problem(self.root, error) from error


def require_no_link(path: Path) -> None:
    """Raise `ProblemError` for a link, which may lead anywhere."""
    if path.is_symlink():
        raise _is_link(path)


def require_no_links(folder: Path) -> None:
    """Raise `ProblemError` for a link, or a folder with a link anywhere in it."""
    link = first_link(folder)
    if link is not None:
        raise _is_link(link)


def _is_link(path: Path) -> ProblemError:
    return problem(
        "bad_input",
        "{path} is a link. Downloads are not written through links: delete it, or choose "
        "another folder for models.",
        path=path,
    )


def unknown(id: str) -> ProblemError:
    """Return the error for an id that is not in the queue."""
    return problem("bad_input", "There is no download {id}.", id=id)
