"""Segments: the encoded frames of a part of a video, which outlive a job that is killed.

A job whose input and settings are the same finds them by their key. A segment is written whole or
not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import Timeout
from msgspec import Struct

from studio.formats.atomic_write import sweep, write_atomic
from studio.formats.folders import FileLock, make_below
from studio.formats.untrusted_files import entries_of, is_folder, open_regular

VERSION = 2
"""Incremented when the same input and settings give other bytes."""

_MAX_BYTES = 1 << 31
_OLDEST = 14 * 24 * 3600.0
"""Seconds after which the segments of a job that was not resumed are removed."""
_DIGEST = 32
_KEY = re.compile(r"[0-9a-f]{24}")
_NAME = re.compile(r"[0-9]{6}\.segment")


class EncodedFrame(Struct, frozen=True, array_like=True):
    """A packet of an encoder, in the time base of the encoding."""

    pts: int
    duration: int
    is_key: bool
    data: bytes


class Segment(Struct, frozen=True):
    """A part of a video; `notes` counts what was met in it, for the recipe."""

    packets: list[EncodedFrame]
    notes: dict[str, int] = {}


class Plan(Struct, frozen=True):
    """What is decided at the start, by the memory that is free, and kept when resuming."""

    tile: int


class SegmentStore:
    """The segments of one video in a folder."""

    def __init__(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """`check` is called before a segment is stored; it raises if that must not be."""
        self._folder = folder
        self._check = check

    def plan(self) -> Plan | None:
        """Return the plan of an earlier run, None if there is none."""
        try:
            return msgspec.json.decode(self._read(self._folder / "plan.json"), type=Plan)
        except (OSError, msgspec.MsgspecError, ValueError):
            return None

    def set_plan(self, plan: Plan) -> None:
        """Store the plan. Raises `OSError`."""
        write_atomic(self._folder / "plan.json", msgspec.json.encode(plan))

    def numbers(self) -> frozenset[int]:
        """Return the numbers of the segments that are there and whole."""
        names = (entry.name for entry in entries_of(self._folder))
        found = {int(name[:6]) for name in names if _NAME.fullmatch(name)}
        return frozenset(number for number in found if self.read(number) is not None)

    def read(self, number: int) -> Segment | None:
        """Return a segment, None if it is missing or damaged."""
        try:
            data = self._read(self._path(number))
            if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
                return None
            return msgspec.msgpack.decode(data[_DIGEST:], type=Segment)
        except (OSError, msgspec.MsgspecError, ValueError):
            return None

    def write(self, number: int, segment: Segment) -> None:
        """Store a segment. Raises `OSError`, and what the check raises."""
        self._check()
        data = msgspec.msgpack.encode(segment)
        write_atomic(self._path(number), hashlib.sha256(data).digest() + data)

    def finish(self, job: str) -> None:
        """Say that everything may be removed once the result of a job is stored.

        Raises `OSError`.
        """
        write_atomic(self._folder / "job", job.encode())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.segment"

    def _read(self, path: Path) -> bytes:
        with open_regular(path) as file:
            return file.read(_MAX_BYTES)


@contextmanager
def open_segments(
    kept: Path | None, key: str, private: Path, check: Callable[[], None] = lambda: None
) -> Iterator[SegmentStore]:
    """Yield the store of a video.

    Args:
        kept: folder for parts of unfinished results, below one that exists; None for none.
        key: says which video it is.
        private: folder of this job alone, used if another process makes the same video.
        check: see `SegmentStore`.
    """
    with contextlib.ExitStack() as stack:
        folder = private / "segments"
        if kept is not None:
            with contextlib.suppress(OSError, Timeout):
                make_below(kept.parent, kept)
                _remove_old(kept, key)
                lock = FileLock(kept / f"{key}.lock", timeout=0, thread_local=False)
                stack.enter_context(lock)
                stack.callback(_remove_lock, lock, kept)
                folder = kept / key
        make_below(folder.parent.parent, folder)
        sweep(folder)
        yield SegmentStore(folder, check)


def _remove_lock(lock: FileLock, kept: Path) -> None:
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        kept.rmdir()


def _remove_old(kept: Path, key: str) -> None:
    for entry in entries_of(kept):
        with contextlib.suppress(OSError, Timeout):
            if entry.name == key or not _KEY.fullmatch(entry.name):
                continue  # Of what else lies here, nothing is ours.
            if not is_folder(entry) or entry.is_symlink():
                continue
            if time.time() - entry.stat().st_mtime < _OLDEST:
                continue
            with FileLock(kept / f"{entry.name}.lock", timeout=0):
                shutil.rmtree(entry, ignore_errors=True)
            (kept / f"{entry.name}.lock").unlink(missing_ok=True)
