"""Download all files of one item, and make them a model's folder once all are complete."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeAlias

from studio.downloads.file_names import check_names, folder_name_for
from studio.downloads.http_problems import cancelled, check_space, disk_problem
from studio.downloads.item import Item, ItemFile
from studio.downloads.queue_folder import QueueFolder, require_no_links
from studio.downloads.ranged_download import download, partial_bytes
from studio.downloads.stop_signal import StopSignal
from studio.formats.atomic_write import write_atomic
from studio.formats.folders import make_below
from studio.protocol import ProblemError, problem, unexpected

PARALLEL = 3
"""Files of an item that are downloaded at a time."""

TICK = 0.25
"""Seconds between reports of progress."""

_SPEED_SECONDS = 8.0
_MAX_FILES = 20_000

TokenOf: TypeAlias = Callable[[str], str]
"""Returns the access token to send with a request to an address, "" for none."""


class ItemDownload:
    """One run of an item. `done_bytes`, `files_done` and `speed` may be read from any thread."""

    def __init__(
        self, queue: QueueFolder, item: Item, token_of: TokenOf, retry_pause: float = 1.0
    ) -> None:
        self._queue = queue
        self._item = item
        self._files = queue.files(item.id)
        self._token_of = token_of
        self._retry_pause = retry_pause
        self._bytes = [0] * len(item.files)
        self._complete = [False] * len(item.files)
        self._samples: deque[tuple[float, int]] = deque()
        self.stop = StopSignal()
        """Set from any thread to stop. What was downloaded is kept."""

    @property
    def done_bytes(self) -> int:
        """Bytes on disk."""
        return sum(self._bytes)

    @property
    def files_done(self) -> int:
        """Complete files."""
        return sum(self._complete)

    @property
    def speed(self) -> float:
        """Bytes per second, over the last seconds."""
        samples = list(self._samples)
        if len(samples) < 2 or samples[-1][0] <= samples[0][0]:
            return 0.0
        return (samples[-1][1] - samples[0][1]) / (samples[-1][0] - samples[0][0])

    def run(self, tick: Callable[[], None]) -> str:
        """Download what is missing and return the name of the model's folder.

        `tick` is called several times a second, and may set `stop`. Raises `ProblemError`.
        """
        try:
            if finished := self._finished():
                return finished
            check_names([*(file.name for file in self._item.files), *self._item.texts])
            if len(self._item.files) > _MAX_FILES:
                raise problem(
                    "bad_input",
                    "The model has {count} files, which is too many. Choose the files you need.",
                    count=len(self._item.files),
                )
            require_no_links(self._files.parent)
            self._files.mkdir(exist_ok=True)
            for file in self._item.files:
                make_below(self._files, (self._files / file.name).parent)
            check_space(self._files, self._missing())
            self._download_all(tick)
            return self._finish()
        except OSError as error:
            raise disk_problem(self._queue.models, error) from error

    def _missing(self) -> int:
        """Count what is on disk, and return the bytes still to be downloaded."""
        for number, file in enumerate(self._item.files):
            self._complete[number] = is_complete(self._files, file)
            self._bytes[number] = bytes_of(self._files, file)
        sizes = [file.size or 0 for file in self._item.files]
        pairs = zip(sizes, self._bytes, strict=True)
        return sum(max(0, size - done) for size, done in pairs)

    def _download_all(self, tick: Callable[[], None]) -> None:
        todo = [number for number, complete in enumerate(self._complete) if not complete]
        error: BaseException | None = None
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="download") as pool:
            pending: set[Future[None]] = {pool.submit(self._download, at) for at in todo}
            try:
                while pending:
                    self._samples.append((time.monotonic(), self.done_bytes))
                    while self._samples[-1][0] - self._samples[0][0] > _SPEED_SECONDS:
                        self._samples.popleft()
                    tick()
                    ended, pending = wait(pending, TICK, return_when=FIRST_EXCEPTION)
                    error = next((e for x in ended if (e := x.exception()) is not None), None)
                    if error is not None:
                        break
            finally:
                # Also after Ctrl+C: the pool waits for its threads.
                if pending:
                    self.stop.set()
        if isinstance(error, ProblemError):
            raise error
        if error is not None:
            raise ProblemError(unexpected(error)) from error
        if self.stop.is_set():
            raise cancelled()

    def _download(self, number: int) -> None:
        file = self._item.files[number]

        def progress(done: int, _total: int | None) -> None:
            self._bytes[number] = done

        download(
            file.url,
            self._files / file.name,
            sha256=file.sha256,
            size=file.size,
            token=self._token_of(file.url),
            progress=progress,
            stop=self.stop,
            pause=self._retry_pause,
        )
        self._complete[number] = True

    def _finish(self) -> str:
        """Write the texts and rename the folder, which makes the model visible all at once."""
        for name, text in self._item.texts.items():
            write_atomic(self._files / name, text.encode())
        expected = {self._files / file.name for file in self._item.files}
        expected |= {self._files / name for name in self._item.texts}
        for path in self._files.rglob("*"):
            if path not in expected and not path.is_dir():  # half written when a process was killed
                path.unlink()
        wanted = folder_name_for(self._item.folder)
        name, number = wanted, 1
        while True:
            target = self._queue.models / name
            if not target.exists():
                with self._queue.edit(self._item.id) as record:
                    record.folder = name
                try:
                    self._files.rename(target)
                    break
                except OSError:
                    if not target.exists():  # it was not another process that took the name
                        raise
            number += 1
            name = f"{wanted}-{number}"
        _sync_folder(self._queue.models)
        return name

    def _finished(self) -> str:
        """Return the folder's name if a process was killed right after it had renamed it."""
        record = self._queue.record(self._item.id)
        if record is None or not record.folder or self._files.exists():
            return ""
        return record.folder if (self._queue.models / record.folder).is_dir() else ""


def is_complete(folder: Path, file: ItemFile) -> bool:
    """Return whether a file was downloaded; it gets its name only after it was verified."""
    try:
        size = (folder / file.name).stat().st_size
    except OSError:
        return False
    return file.size is None or size == file.size


def bytes_of(folder: Path, file: ItemFile) -> int:
    """Return how many bytes of a file are on disk."""
    target = folder / file.name
    if is_complete(folder, file):
        return target.stat().st_size
    return partial_bytes(target)


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
