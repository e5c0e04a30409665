"""Write `results.csv` of a batch: one line for each result and failure, as they happen."""

from __future__ import annotations

import codecs
import contextlib
import csv
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from studio.formats.chat.thoughts import without_thoughts
from studio.formats.csv_cells import escaped
from studio.formats.untrusted_files import is_file, open_regular
from studio.jobs.results_file import (
    COLUMNS,
    ResultsFile,
    cut_off_bytes,
    cut_off_path,
    read_results_file,
    take_off_last_line,
)
from studio.jobs.runner import AssetSaved
from studio.kinds.registry import kind_if_known
from studio.kinds.requests import prompt_of
from studio.library.folder.stored_paths import leads_inside
from studio.library.folder.work_folders import SharedLock
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import Failed, Problem, RowFailed, Sentence, sentence

RESULTS = "results.csv"
LINE_LABEL = "line"
_PROMPT, _ANSWER = "prompt", "text"
_MAX_PARTS = 500
_LOCK_SECONDS = 20.0


class Results:
    """`results.csv` in the output folder of some jobs.

    After the fixed columns come the prompt, a column for each label of the table, those into which
    the kinds divide their results, and the answer of a text. Text that starts like a formula is
    escaped. Lines of an earlier run are kept, and each result is listed once. Columns missing from
    an existing file are appended to its own, empty in its existing lines. A `results.csv` that is
    not ours is left alone: the results are listed in `results 2.csv` and so on. Several processes
    may write the same file: each change is made under a lock, after reading those of the others.
    `judge` returns the cells of a result in `own_columns`, or None if it is not to be listed.
    """

    def __init__(
        self,
        folder: Path,
        jobs: Sequence[Job],
        own_columns: Sequence[str] = (),
        judge: Callable[[Asset], Mapping[str, str] | None] = lambda _: {},
    ) -> None:
        self.path = folder / RESULTS
        self._folder = folder
        self._folder_identity = _identity(folder)
        self._jobs = {job.id: job for job in jobs}
        self._lock = threading.Lock()
        self._failed_by_row: set[str] = set()
        self._label_columns = _label_columns(jobs)
        self._parts = _part_columns(jobs, self._label_columns.values())
        taken = {*COLUMNS, _PROMPT, _ANSWER, *self._label_columns.values(), *self._parts.values()}
        self._own_columns = _free_names(own_columns, taken, "check")
        self._judge = judge
        columns = (
            *self._label_columns.values(),
            *self._own_columns.values(),
            *self._parts.values(),
        )
        self._wanted = (*COLUMNS, _PROMPT, *columns, _ANSWER)
        self._file = ResultsFile(self._wanted)
        self._listed: set[str] = set()
        self.has_missed = False
        """Whether a line could not be written: the disk is full, or the file is locked."""
        self._seen: tuple[int, ...] | None = None
        self._cut_off_before: dict[Path, int] = {}
        self._file_lock = SharedLock(folder, "results", _LOCK_SECONDS)
        with contextlib.suppress(OSError), self._exclusive():
            self._read_changes()

    def notes(self) -> list[Sentence]:
        """Return what the user should know about the file."""
        notes = []
        if self.path.name != RESULTS:
            notes.append(
                sentence(
                    "{file} in this folder is not a list of results in UTF-8, and is left as it is."
                    " The results are listed in {name}.",
                    file=RESULTS,
                    name=self.path.name,
                )
            )
        if cut_off_bytes(self.path) > self._cut_off_before.get(self.path, 0):
            notes.append(
                sentence(
                    "A line of {file} was cut off. It is kept in {name}.",
                    file=self.path.name,
                    name=cut_off_path(self.path).name,
                )
            )
        return notes

    def add(self, jobs: Iterable[Job]) -> None:
        """Follow further jobs, whose labels have the names of the first ones."""
        self._jobs |= {job.id: job for job in jobs}

    def close(self) -> None:
        """Remove the lock file. The results file may still be written afterwards."""
        with contextlib.suppress(OSError), self._exclusive():
            self._file_lock.remove()

    def catch_up(self, library: Library) -> None:
        """List results that an earlier run could not: it was killed, or the disk was full."""
        for job in list(self._jobs.values()):
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
        if self._seen == before and before is not None:
            return
        try:
            if before is None or not self._read_appended(before[0]):
                self._find_file()
        except OSError:
            # Nothing is appended to a file that was not read.
            self._seen = None
            raise

    def _read_appended(self, start: int) -> bool:
        """Read the lines from an offset on. Returns False if the file was replaced by another."""
        if self._seen is None or self._file.last or not self._file.header:
            return False
        with open_regular(self.path) as file:
            if file.read(len(self._file.header)) != self._file.header:
                return False
            if file.seek(0, os.SEEK_END) < start:
                return False
            file.seek(start)
            try:
                self._listed |= self._file.paths_in(file.read().decode())
            except (csv.Error, UnicodeDecodeError):
                return False
        return True

    def _find_file(self) -> None:
        """Find the first file that is ours, or a name that is free. Raises `OSError`."""
        for number in itertools.count(1):
            name = RESULTS if number == 1 else f"{Path(RESULTS).stem} {number}.csv"
            path = self._folder / name
            if path.is_symlink() and not leads_inside(self._folder, path):
                continue
            self._cut_off_before.setdefault(path, cut_off_bytes(path))
            self._seen = _state(path)
            is_empty = self._seen is not None and self._seen[0] == 0 and is_file(path)
            if is_empty or self._seen is None:
                found = ResultsFile(self._wanted)
            elif (existing := read_results_file(path, self._wanted)) is not None:
                found = existing
            else:
                continue
            if self.path != path or found.header:
                self._listed = set(found.paths)
            self.path, self._file, self._seen = path, found, _state(path)
            return

    def _list(self, asset: Asset) -> None:
        judged = self._judge(asset)
        if judged is None:
            return
        answer = without_thoughts(asset.text)
        made = {"path": str(asset.path), "seed": str(asset.recipe.seed), _ANSWER: answer}
        made |= {self._own_columns[name]: cell for name, cell in judged.items()}
        kind = kind_if_known(asset.recipe.request)
        if kind is not None and self._parts:
            cells = kind.cells(asset.recipe.request, asset.text)
            made |= {self._parts[name]: cell for name, cell in cells.items() if name in self._parts}
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
                line = [cells.get(column, "") for column in self._file.columns]
                if not self._is_last(path, line):
                    self._append(line)
                self._listed.add(path)
                self._seen = _state(self.path)
        except OSError:
            self.has_missed = True

    def _is_last(self, path: str, line: Sequence[str]) -> bool:
        """Return whether the last line, which has no line end, lists a result.

        If it was cut off in its last cell, it is taken off. Raises `OSError`.
        """
        if not path or path != self._file.last_path:
            return False
        if self._file.is_cut_off(line):
            self._file = take_off_last_line(self.path, self._file)
            return False
        return True

    def _append(self, line: Iterable[str]) -> None:
        """Append one line, whole or not at all. Raises `OSError`."""
        with self.path.open("a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            start = b""
            if end == 0:
                self._file = ResultsFile(self._file.columns)
                # With a BOM, spreadsheet programs detect UTF-8.
                start = codecs.BOM_UTF8 + self._file.line(map(escaped, self._file.columns))
            else:
                file.seek(end - 1)
                start = b"" if file.read(1) in b"\r\n" else self._file.line_end.encode()
            data = start + self._file.line(map(escaped, line))
            try:
                is_whole = file.write(data) == len(data)
            except OSError:
                is_whole = False
            if not is_whole:
                file.truncate(end)
                raise OSError(f"no room for a line in {self.path}")
        if end == 0:
            self._file = replace(self._file, header=start)
        elif self._file.last:
            self._listed.add(self._file.last_path)
            self._file = replace(self._file, last=())


def _label_columns(jobs: Iterable[Job]) -> dict[str, str]:
    """Return label → column name for all labels of a table, in order of appearance."""
    names = dict.fromkeys(name for job in jobs for name in job.labels if name != LINE_LABEL)
    return _free_names(names, {*COLUMNS, _PROMPT, _ANSWER}, "label")


def _part_columns(jobs: Iterable[Job], labels: Iterable[str]) -> dict[str, str]:
    """Return the columns into which results are divided, by the names that their kinds give."""
    known = ((kind, job.request) for job in jobs if (kind := kind_if_known(job.request)))
    names = dict.fromkeys(name for kind, request in known for name in kind.columns(request))
    return _free_names(list(names)[:_MAX_PARTS], {*COLUMNS, _PROMPT, _ANSWER, *labels}, "answer")


def _free_names(names: Iterable[str], taken: set[str], prefix: str) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name in names:
        column = name
        while column in taken:
            column = f"{prefix}:{column}"
        taken.add(column)
        columns[name] = column
    return columns


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
