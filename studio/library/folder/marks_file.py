"""Stars, tags, collections, reviews and trash in the library folder, in `marks.jsonl`.

Each change is one line. They are not stored in the asset's own file: starring a 100 MB picture
would rewrite it and change the hash by which other results refer to it. The last line about an
asset counts; lines truncated by a crash are skipped. The file is compacted when more than half of
its lines are obsolete. It is written under the lock of `change_lock.py`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import write_atomic
from studio.formats.untrusted_files import open_regular
from studio.library.disk_problems import file_problem
from studio.library.records import Asset
from studio.library.review import Review

MARKS_FILE = "marks.jsonl"
_MAX_LINE = 16 * 1024 * 1024
_COMPACT_ABOVE = 1000


class Marks(Struct, frozen=True):
    """The user's marks on one asset.

    `trashed_at` is Unix seconds, None if not deleted; `origin` is the path before deletion.
    `unknown` holds fields written by another version, which are written back unchanged.
    """

    asset: str
    starred: bool = False
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    trashed_at: float | None = None
    origin: str = ""
    review: Review | None = None
    unknown: dict[str, Any] = {}

    @property
    def is_empty(self) -> bool:
        """Whether all marks have their default values."""
        marked = self.starred or self.tags or self.collections or self.trashed_at or self.review
        return not (marked or self.unknown)


_KNOWN = frozenset(Marks.__struct_fields__) - {"unknown"}


def marks_of(asset: Asset) -> Marks:
    """Return the marks of an asset outside the trash, from the index."""
    return Marks(asset.id, asset.starred, asset.tags, asset.collections, review=asset.review)


def append_marks(root: Path, *changed: Marks) -> None:
    """Append the marks of assets to the file, all or none, with a single sync.

    Raises `ProblemError`.
    """
    if not changed:
        return
    lines = b"".join(map(_line, changed))
    size: int | None = None
    try:
        with (root / MARKS_FILE).open("ab") as file:
            size = file.tell()
            # The file may end in a line truncated by a crash.
            file.write(b"\n" + lines if size else lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if size is not None:
            with contextlib.suppress(OSError):
                os.truncate(root / MARKS_FILE, size)
        raise file_problem(error, root) from error


def _line(marks: Marks) -> bytes:
    fields = msgspec.structs.asdict(marks)
    unknown = fields.pop("unknown")
    return msgspec.json.encode(unknown | fields) + b"\n"


def _read_line(line: bytes) -> Marks:
    """Parse a line. Raises `msgspec.DecodeError`."""
    fields = msgspec.json.decode(line, type=dict[str, Any])
    known = {name: value for name, value in fields.items() if name in _KNOWN}
    unknown = {name: value for name, value in fields.items() if name not in _KNOWN}
    return msgspec.convert(known | {"unknown": unknown}, Marks)


def read_marks(root: Path, *, keep_empty: bool = False) -> dict[str, Marks]:
    """Return the current marks by asset id. Damaged lines are skipped.

    With `keep_empty`, assets whose last mark was removed are included.
    """
    latest = _read(root).latest
    return latest if keep_empty else _without_empty(latest)


def compact_marks(root: Path) -> None:
    """Rewrite the file if most of its lines are obsolete. Nobody else may be writing to it."""
    found = _read(root)
    kept = _without_empty(found.latest)
    # Lines that another version wrote and this one cannot read must not be lost.
    if found.lines > max(_COMPACT_ABOVE, 2 * len(kept)) and not found.has_unreadable:
        with contextlib.suppress(OSError):
            write_atomic(root / MARKS_FILE, b"".join(map(_line, kept.values())))


class _Lines(Struct, frozen=True):
    """The last marks of each asset, and how many lines they are from."""

    latest: dict[str, Marks]
    lines: int
    has_unreadable: bool


def _read(root: Path) -> _Lines:
    latest: dict[str, Marks] = {}
    lines, has_unreadable = 0, False
    try:
        with open_regular(root / MARKS_FILE) as file:
            while line := file.readline(_MAX_LINE):
                lines += bool(line.strip())
                if len(line) == _MAX_LINE and not line.endswith(b"\n"):
                    has_unreadable = True
                    while (rest := file.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
                        pass
                    continue
                try:
                    marks = _read_line(line)
                except msgspec.ValidationError:
                    has_unreadable = True
                    continue
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                latest[marks.asset] = marks
    except OSError:
        return _Lines({}, 0, True)
    return _Lines(latest, lines, has_unreadable)


def _without_empty(marks: dict[str, Marks]) -> dict[str, Marks]:
    return {asset: mark for asset, mark in marks.items() if not mark.is_empty}
