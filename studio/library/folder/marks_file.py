"""Stars, tags and collections, in the folder itself: `marks.jsonl`, one line a change.

They are not written into the asset's file: starring a 100 MB picture would rewrite it, and
change the hash by which other results name it as their parent. A line that a crash cut short
is skipped; the last line about an asset wins. The file is rewritten, without what later lines
replaced, when it has grown to twice what it needs.
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


class Marks(Struct, frozen=True):
    """What the user said about one asset.

    `trashed_at` is Unix seconds, None for not deleted; `origin` is where the file lay before.
    `unknown` is what another build wrote besides, by field name; it is written back as it was.
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
        """Whether they say nothing of the asset."""
        marked = self.starred or self.tags or self.collections or self.trashed_at
        return not (marked or self.unknown)


_KNOWN = frozenset(Marks.__struct_fields__) - {"unknown"}


def marks_of(asset: Asset) -> Marks:
    """Return the marks of an asset that is not in the trash, as the index has them."""
    return Marks(asset.id, asset.starred, asset.tags, asset.collections)


def append_marks(root: Path, *changed: Marks) -> None:
    """Write the marks of assets to the disk, all with one sync. Raises `ProblemError`."""
    if not changed:
        return
    lines = b"".join(map(_line, changed))
    try:
        with (root / MARKS_FILE).open("ab") as file:
            # A line cut short by a crash must not swallow this one.
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
    """Return the marks of a line. Raises `msgspec.DecodeError`."""
    fields = msgspec.json.decode(line, type=dict[str, Any])
    known = {name: value for name, value in fields.items() if name in _KNOWN}
    unknown = {name: value for name, value in fields.items() if name not in _KNOWN}
    return msgspec.convert(known | {"unknown": unknown}, Marks)


def read_marks(root: Path) -> dict[str, Marks]:
    """Return the marks in force, by asset. Damaged lines are skipped."""
    latest: dict[str, Marks] = {}
    lines, is_foreign = 0, False
    try:
        with (root / MARKS_FILE).open("rb") as file:
            while line := file.readline(_MAX_LINE):
                lines += bool(line.strip())
                try:
                    marks = _read_line(line)
                except msgspec.ValidationError:
                    is_foreign = True
                    continue
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                latest[marks.asset] = marks
    except OSError:
        return {}
    kept = {asset: marks for asset, marks in latest.items() if not marks.is_empty}
    # What another build wrote and this one cannot read is not thrown away.
    if lines > 1000 and lines > 2 * len(kept) and not is_foreign:
        _rewrite(root, kept)
    return kept


def _rewrite(root: Path, kept: dict[str, Marks]) -> None:
    lines = b"".join(map(_line, kept.values()))
    with contextlib.suppress(OSError):
        write_atomic(root / MARKS_FILE, lines)
