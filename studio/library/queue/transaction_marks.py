"""Whether an index belongs to the folder it lies in: it and the journal name the last transaction.

Each transaction that changes the index gets a number and a random name, and the journal also says
after which one it came. The journal is written just before the commit, within SQLite's write lock:
after a crash it is ahead by one transaction at most. Its last lines may be lost with the power.
Any other difference means that an older copy was put back, or one of the two is from elsewhere.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from studio.protocol import ProblemError, problem

_KEY = "queue_mark"
"""Key in the table `state`."""
_TAIL = 4_096
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_MOST = 10**15
"""The highest number; a library of somebody else may begin near it."""

Mismatch: TypeAlias = Literal["older", "another", "apart"]
"""How an index differs from its journal: it is an older copy, or of another library, or both went
on from the same state in different ways."""


class Mark(Struct, frozen=True):
    """The mark of a transaction of the library with the random id `library`.

    `after` is the name of the transaction before it, `synced` of the last one that is certainly in
    the journal. `is_noted` says whether the journal could be written.
    """

    library: str
    number: int
    name: str
    after: str = ""
    synced: str = ""
    is_noted: bool = True

    def next(self) -> Mark:
        """Return the mark of a transaction that follows."""
        number = min(self.number + 1, _MOST)
        return Mark(self.library, number, _random(), self.name, self.synced)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of its line in the journal."""
        return {
            "library": self.library,
            "transaction": self.number,
            "mark": self.name,
            "after": self.after,
        }


class MisplacedIndexError(ProblemError):
    """The index is not the one that belongs to the journal beside it."""

    def __init__(self, root: Path, mismatch: Mismatch) -> None:
        self.mismatch = mismatch
        super().__init__(
            problem(
                "bad_input",
                "The index of the library in {path} is an older copy, or one of another library. "
                "Your files are safe: start Prompt Studio again, and it will be rebuilt.",
                f"index and journal: {mismatch}",
                path=root,
            ).problem
        )


def mismatch(
    index: Mark | None, journal: Sequence[Mark], is_damaged: bool = False
) -> Mismatch | None:
    """Return how an index differs from its journal, given the marks of both, None if it does not.

    A journal without marks fits any index: a version without them wrote it, or it was lost. With
    `is_damaged`, marks may be missing in it.
    """
    if not journal:
        return None
    last = journal[-1]
    if index is None:
        return "older"
    if index.library != last.library:
        return "another"
    if index.name in (last.name, last.after):
        return None
    has_lost_lines = last.number < index.number or not index.is_noted
    if has_lost_lines and (is_damaged or any(mark.name == index.synced for mark in journal)):
        return None
    return "older" if last.number > index.number else "apart"


def first_mark(journal: Sequence[Mark]) -> Mark:
    """Return the mark with which a new index begins: it continues what the journal says."""
    return journal[-1] if journal else Mark(_random(), 0, _random())


def mark_in(fields: Mapping[str, Any]) -> Mark | None:
    """Return the mark in a line of the journal, None if it has none that the index could hold."""
    match fields:
        case {
            "library": str(library),
            "transaction": int(number),  # also true, which JSON has
            "mark": str(name),
            "after": str(after),
        } if _is_valid(library, number, name):
            return Mark(library, int(number), name, after)
    return None


def read_mark(db: sqlite3.Connection) -> Mark | None:
    """Return the mark of the last transaction of an index, None if a version without wrote it."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (_KEY,)).fetchone()
    match str(row[0]).split(" ") if row is not None else []:
        case [library, number, name, synced, noted] if _NUMBER.fullmatch(number):
            if _is_valid(library, int(number), name):
                return Mark(library, int(number), name, "", synced, noted == "1")
    return None


def _is_valid(library: str, number: int, name: str) -> bool:
    return 0 <= number <= _MOST and all(map(_NAME.fullmatch, (library, name)))


def write_mark(db: sqlite3.Connection, mark: Mark) -> None:
    """Store the mark of a transaction in the index."""
    noted = int(mark.is_noted)
    db.execute(
        "INSERT INTO state (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_KEY, f"{mark.library} {mark.number} {mark.name} {mark.synced} {noted}"),
    )


def tail(path: Path) -> bytes:
    """Return the last line of a journal, b"" if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            return file.read().rstrip(b"\n").rpartition(b"\n")[2]
    except OSError:
        return b""


def _random() -> str:
    return secrets.token_hex(8)
