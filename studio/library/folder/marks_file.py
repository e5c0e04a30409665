"""Stars, tags, collections and trash in the library folder: `marks.jsonl`, one line per change.

They are not stored in the asset's own file: starring a 100 MB picture would rewrite it and change
the hash by which other results refer to it. The last line about an asset counts; lines truncated
by a crash are skipped. The file is compacted when more than half of its lines are obsolete.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import write_atomic
from studio.library.disk_problems import file_problem
from studio.library.records import Asset

MARKS_FILE = "marks.jsonl"
_MAX_LINE = 100_000
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
    unknown: dict[str, Any] = {}

    @property
    def is_empty(self) -> bool:
        """Whether all marks have their default values."""
        marked = self.starred or self.tags or self.collections or self.trashed_at
        return not (marked or self.unknown)


_KNOWN = frozenset(Marks.__struct_fields__) - {"unknown"}


def marks_of(asset: Asset) -> Marks:
    """Return the marks of an asset outside the trash, from the index."""
    return Marks(asset.id, asset.starred, asset.tags, asset.collections)


def append_marks(root: Path, *changed: Marks) -> None:
    """Append the marks of assets to the file, with a single sync. Raises `ProblemError`."""
    if not changed:
        return
    lines = b"".join(map(_line, changed))
    try:
        with (root / MARKS_FILE).open("ab") as file:
            # The file may end in a line truncated by a crash.
            file.write(lines if file.tell() == 0 else b"\n" + lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
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


def read_marks(root: Path) -> dict[str, Marks]:
    """Return the current marks by asset id. Damaged lines are skipped."""
    latest: dict[str, Marks] = {}
    lines, has_unreadable = 0, False
    try:
        with (root / MARKS_FILE).open("rb") as file:
            while line := file.readline(_MAX_LINE):
                lines += bool(line.strip())
                try:
                    marks = _read_line(line)
                except msgspec.ValidationError:
                    has_unreadable = True
                    continue
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                latest[marks.asset] = marks
    except OSError:
        return {}
    kept = {asset: marks for asset, marks in latest.items() if not marks.is_empty}
    # Lines that another version wrote and this one cannot read must not be lost.
    if lines > _COMPACT_ABOVE and lines > 2 * len(kept) and not has_unreadable:
        _compact(root, kept)
    return kept


def _compact(root: Path, kept: dict[str, Marks]) -> None:
    lines = b"".join(map(_line, kept.values()))
    with contextlib.suppress(OSError):
        write_atomic(root / MARKS_FILE, lines)
