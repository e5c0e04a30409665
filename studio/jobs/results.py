"""Write `results.csv` of a batch: one line for each result and failure, as they happen."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from studio.formats.atomic_write import publish, sweep, temporary_file
from studio.formats.csv_cells import escaped, unescaped
from studio.formats.thoughts import without_thoughts
from studio.jobs.runner import AssetSaved
from studio.kinds.requests import prompt_of
from studio.library.folder.work_folders import SharedLock
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import Failed, Problem, RowFailed

RESULTS = "results.csv"
LINE_LABEL = "line"
_COLUMNS = ("line", "task", "row", "path", "seed", "seconds", "error")
_PROMPT, _ANSWER = "prompt", "text"
_LARGEST_CELL = 10_000_000
"""Characters: the longest possible answer fits into one cell."""
_LOCK_SECONDS = 20.0


class Results:
    """`results.csv` in the output folder of some jobs.

    After the fixed columns come the prompt, a column for each label of the table, and the answer
    of a text. Text that starts like a formula is escaped. Lines of an earlier run are kept, and
    each result is listed once. Columns missing from an existing file are appended to its own,
    empty in its existing lines. Several processes may write the same file: each change is made
    under a lock, after reading those of the others.
    """

    def __init__(self, folder: Path, jobs: Sequence[Job]) -> None:
        self.path = folder / RESULTS
        self._folder_identity = _identity(folder)
        self._jobs = {job.id: job for job in jobs}
        self._lock = threading.Lock()
        self._failed_by_row: set[str] = set()
        self._label_columns = _label_columns(jobs)
        self._wanted = (*_COLUMNS, _PROMPT, *self._label_columns.values(), _ANSWER)
        self._columns: Sequence[str] = self._wanted
        self._listed: set[str] = set()
        self.has_missed = False
        """Whether a line could not be written: the disk is full, or the file is locked."""
        self._header = b""
        self._seen: tuple[int, ...] | None = None
        self._file_lock = SharedLock(folder, "results", _LOCK_SECONDS)
        csv.field_size_limit(_LARGEST_CELL)
        with contextlib.suppress(OSError), self._exclusive():
            self._read_changes()

    def close(self) -> None:
        """Remove the lock file. The results file may still be written afterwards."""
        with contextlib.suppress(OSError), self._lock, self._file_lock.held() as lock:
            lock.remove()

    def catch_up(self, library: Library) -> None:
        """List results that an earlier run could not: it was killed, or the disk was full."""
        for job in self._jobs.values():
            for asset in library.assets.of_job(job.id):
                self._list(asset)

    def on_event(self, event: object) -> None:
        """Append what a runner reports. Errors of writing the file are ignored."""
        match event:
            case AssetSaved():
                self._list(event.asset)
            case RowFailed():
                self._failed_by_row.add(event.job)
                self._write(event.job, event.row, error=event.problem)
            case Failed() if event.job not in self._failed_by_row:
                self._write(event.job, None, error=event.problem)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Keep other threads and processes from writing the file. Raises `OSError`."""
        if _identity(self.path.parent) != self._folder_identity:
            raise OSError(f"{self.path.parent} was unplugged or moved")
        with self._lock, self._file_lock.held():
            yield

    def _read_changes(self) -> None:
        """Read what was written to the file since the last call. Raises `OSError`."""
        before, self._seen = self._seen, _state(self.path)
        if self._seen is None or self._seen == before:
            return
        # A file that cannot be decoded or repaired is only appended to.
        with contextlib.suppress(csv.Error, UnicodeDecodeError):
            if before is None or not self._read_appended(before[0]):
                self._load_existing()
                self._seen = _state(self.path)

    def _read_appended(self, start: int) -> bool:
        """Read the lines from an offset on. Returns False if the file was replaced by another."""
        with self.path.open("rb") as file:
            if not self._header or file.read(len(self._header)) != self._header:
                return False
            if file.seek(0, os.SEEK_END) < start:
                return False
            file.seek(start)
            text = io.StringIO(file.read().decode(), newline="")
        path = self._columns.index("path")
        self._listed.update(unescaped(row[path]) for row in csv.reader(text) if len(row) > path)
        return True

    def _load_existing(self) -> None:
        """Read the existing file, after repairing its end, and add missing columns."""
        _repair_end(self.path)
        data = self.path.read_bytes()
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        if not rows or not set(_COLUMNS) <= set(rows[0]):
            return
        header = [unescaped(name) for name in rows[0]]
        path = header.index("path")
        self._listed = {unescaped(row[path]) for row in rows[1:] if len(row) > path}
        missing = [column for column in self._wanted if column not in header]
        if missing:
            text = io.StringIO(newline="")
            padded = [[*row, *[""] * (len(header) - len(row))] for row in rows[1:] if row]
            filler = [""] * len(missing)
            names = [*rows[0], *map(escaped, missing)]
            csv.writer(text).writerows([names, *([*row, *filler] for row in padded)])
            try:
                _replace(self.path, codecs.BOM_UTF8 + text.getvalue().encode(), len(data))
            except OSError:
                # Locked by a spreadsheet program, or the disk is full: keep its columns.
                missing = []
        self._columns = (*header, *missing)
        with self.path.open("rb") as file:
            # A column's name may contain line breaks.
            reader = csv.reader(codecs.iterdecode(file, "utf-8-sig"))
            next(reader, None)
            file.seek(0)
            self._header = b"".join(itertools.islice(file, reader.line_num))

    def _list(self, asset: Asset) -> None:
        answer = without_thoughts(asset.text)
        made = {"path": str(asset.path), "seed": str(asset.recipe.seed), _ANSWER: answer}
        self._write(asset.job, asset.row, made | {"seconds": f"{asset.seconds:.3f}"})

    def _write(
        self,
        job_id: str,
        row: int | None,
        made: Mapping[str, str] = {},
        error: Problem | None = None,
    ) -> None:
        job = self._jobs.get(job_id)
        path = made.get("path", "")
        if job is None or (path and path in self._listed):
            return
        cells = {
            "line": job.labels.get(LINE_LABEL, ""),
            "task": job.request.task,
            "row": "" if row is None else str(row),
            "error": "" if error is None else str(error.message),
            _PROMPT: prompt_of(job.request),
            **{column: job.labels.get(name, "") for name, column in self._label_columns.items()},
            **made,
        }
        try:
            with self._exclusive():
                self._read_changes()
                if path and path in self._listed:
                    return
                self._append([cells.get(column, "") for column in self._columns])
                self._listed.add(path)
                self._seen = _state(self.path)
        except OSError:
            self.has_missed = True

    def _append(self, line: Iterable[str]) -> None:
        """Append one line, whole or not at all. Raises `OSError`."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        with self.path.open("a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            start = b""
            if end == 0:
                # With a BOM, spreadsheet programs detect UTF-8.
                start = codecs.BOM_UTF8
                writer.writerow(map(escaped, self._columns))
            else:
                file.seek(end - 1)
                start = b"" if file.read(1) == b"\n" else b"\r\n"
            writer.writerow(map(escaped, line))
            data = start + text.getvalue().encode("utf-8", "replace")
            try:
                is_whole = file.write(data) == len(data)
            except OSError:
                is_whole = False
            if not is_whole:
                file.truncate(end)
                raise OSError(f"no room for a line in {self.path}")


def _label_columns(jobs: Iterable[Job]) -> dict[str, str]:
    """Return label → column name for all labels of a table, in order of appearance."""
    taken = {*_COLUMNS, _PROMPT, _ANSWER}
    columns: dict[str, str] = {}
    for name in dict.fromkeys(name for job in jobs for name in job.labels):
        if name == LINE_LABEL:
            continue
        column = name
        while column in taken:
            column = f"label:{column}"
        taken.add(column)
        columns[name] = column
    return columns


def _line_starts(data: bytes) -> list[bytes]:
    """Return what looks like the start of a line of `results.csv`."""
    return re.findall(rb"^\d+,[a-z][\w-]*,\d*,", data, re.MULTILINE)


def _repair_end(path: Path) -> None:
    """Remove a last line that ends within quotes, as after a power cut.

    The next line would become part of it. Its result is listed again by `catch_up`. Raises
    `OSError`.
    """
    with path.open("r+b") as file:
        whole = position = quotes = 0
        for line in file:
            position += len(line)
            quotes += line.count(b'"')
            # A quote at the very end may be the first half of an escaped one ("").
            if quotes % 2 == 0 and not line.endswith(b'"'):
                whole = position
        if whole == position:
            return
        file.seek(whole)
        if len(_line_starts(file.read())) > 1:
            # The unpaired quote is in an earlier line: close it, and keep the lines.
            file.write(b'"\r\n')
        else:
            file.truncate(whole)


def _replace(path: Path, data: bytes, size: int) -> None:
    """Replace a file atomically. Raises `OSError`, also if its size is no longer `size`."""
    sweep(path.parent)
    with temporary_file(path) as (file, temporary):
        file.write(data)
        if path.stat().st_size != size:
            raise OSError(f"{path} is being written by another program")
        publish(file, temporary, path)


def _state(path: Path) -> tuple[int, ...] | None:
    """Return size, time and identity of a file, None if it does not exist. Raises `OSError`."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
