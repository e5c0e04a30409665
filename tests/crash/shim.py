"""Counts what a process does to the disk, and ends it in front of the n-th of it.

Counted are files opened for writing, each write to one, sync, rename, link, unlink, folders made
and removed, files cut or copied, and each commit of SQLite. A write is counted twice: in front of
it, and when half of it is done. What SQLite does within a commit is its own affair.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FUNCTIONS = (
    "fsync",
    "rename",
    "replace",
    "link",
    "symlink",
    "unlink",
    "remove",
    "mkdir",
    "rmdir",
    "truncate",
    "ftruncate",
    "sendfile",
    "copy_file_range",
)
_plain_open = io.open


class Counter:
    """The operations of this process, by name, in their order."""

    def __init__(self, root: Path, die_at: int | None) -> None:
        self.seen: list[str] = []
        self._root = root
        self._die_at = die_at

    def count(self, name: str, *paths: object) -> None:
        """Count an operation that is about to be done, or end the process here."""
        if len(self.seen) == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen.append(" ".join([name, *map(self._shown, paths)]))

    def _shown(self, path: object) -> str:
        if not isinstance(path, str | os.PathLike):
            return ""
        return os.path.relpath(os.fspath(path), self._root)


class _Raw(io.FileIO):
    """A file whose writes are counted. It is below the buffer, so each is one of the system's."""

    counter: Counter

    def write(self, data: Any) -> int:
        whole = memoryview(data).cast("B")
        self.counter.count("write", self.name)
        half = len(whole) // 2
        done = super().write(whole[:half]) if half else 0
        if half and done == half:
            self.counter.count("write half", self.name)
        rest = super().write(whole[done or 0 :])
        return (done or 0) + (rest or 0)


def install(root: Path, die_at: int | None) -> Counter:
    """Count from now on, in this process for good. Paths are shown relative to `root`."""
    counter = Counter(root, die_at)

    def counted_open(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        **others: Any,
    ) -> Any:
        if not set(mode) & set("wax+"):
            return _plain_open(file, mode, buffering, encoding, errors, newline, **others)
        counter.count("open", file)
        if buffering != -1 or others:
            return _plain_open(file, mode, buffering, encoding, errors, newline, **others)
        raw = _Raw(file, mode.replace("b", "").replace("t", ""))
        raw.counter = counter
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    io.open = counted_open  # type: ignore[assignment]
    builtins.open = counted_open  # type: ignore[assignment]

    plain_os_open = os.open

    def counted_os_open(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if flags & _WRITES:
            counter.count("open", path)
        return plain_os_open(path, flags, *arguments, **named)

    os.open = counted_os_open
    for name in _FUNCTIONS:
        if hasattr(os, name):
            setattr(os, name, _counted(counter, name, getattr(os, name)))
    _count_commits(counter)
    return counter


def _counted(counter: Counter, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        counter.count(name, *arguments[:2])
        return function(*arguments, **named)

    return call


def _count_commits(counter: Counter) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            word = sql.split(None, 1)[0].upper() if sql.strip() else ""
            if word in ("COMMIT", "VACUUM") or (word == "PRAGMA" and "=" in sql):
                counter.count(f"sqlite {sql.strip()[:40]}")
            return super().execute(sql, *arguments)

        def commit(self) -> None:
            counter.count("sqlite commit")
            super().commit()

        def backup(self, *arguments: Any, **named: Any) -> None:
            counter.count("sqlite backup")
            super().backup(*arguments, **named)

    plain_connect = sqlite3.connect

    def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
        named.setdefault("factory", Connection)
        connection: sqlite3.Connection = plain_connect(*arguments, **named)
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]
