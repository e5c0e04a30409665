"""The interface between a task and the engine: reports, results and cancellation.

A task module gets one `Job` and nothing else of the process around it. Reports are rate-limited
here, so that code in a loop may report at every step.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from studio.protocol import (
    AssetReady,
    Event,
    FileRef,
    InputFile,
    Loading,
    Preview,
    Problem,
    Progress,
    Recipe,
    RowFailed,
    Sentence,
    TextDelta,
    Warned,
)

REPORT_INTERVAL = 0.05
"""Default number of seconds between two reports of one kind: 20 per second."""


class JobCancelledError(Exception):
    """Raised at an interruptible point once the job was cancelled."""


class CancelFlag(Protocol):
    """The part of `threading.Event` that a job needs to check for cancellation."""

    def is_set(self) -> bool: ...


class EtaEstimator:
    """Estimates the remaining seconds from the steps done so far.

    An exponential moving average, so that the estimate follows a machine that slows down. The
    first two steps give no estimate, since they include the warm-up.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._clock = clock
        self._samples = 0
        self._last_step = 0
        self._last_time = clock()
        self._seconds_per_step: float | None = None

    def seconds_left(self, step: int) -> float | None:
        """Record that `step` steps are done; return the seconds left, None while unknown."""
        now = self._clock()
        if step > self._last_step:
            latest = (now - self._last_time) / (step - self._last_step)
            self._last_step, self._last_time = step, now
            self._samples += 1
            if self._seconds_per_step is None or self._samples <= 2:
                self._seconds_per_step = latest
            else:
                self._seconds_per_step += 0.3 * (latest - self._seconds_per_step)
        if self._samples < 3 or self._seconds_per_step is None:
            return None
        return max(0.0, self._seconds_per_step * (self._steps - self._last_step))


class Job:
    """One job as the task modules see it. Its methods may be called from any thread.

    Args:
        id: the job's id, repeated in every event.
        work_dir: where files are written; created with the first file, in a folder that exists.
        send: sends events to the app; must be thread-safe.
        cancelled: set when the job should stop.
        interval: seconds between two reports of one kind.
    """

    def __init__(
        self,
        id: str,
        work_dir: Path,
        send: Callable[[Event], None],
        cancelled: CancelFlag,
        interval: float = REPORT_INTERVAL,
    ) -> None:
        self.id = id
        self.work_dir = work_dir
        self._send = send
        self._cancelled = cancelled
        self._interval = interval
        self._lock = threading.RLock()
        self._pending_text: dict[int, str] = {}
        self._text_sent = 0.0
        self._pending_progress: Progress | None = None
        self._progress_sent = 0.0
        self._preview_sent: dict[int, float] = {}
        self.when_idle: Callable[[Callable[[], None]], None] | None = None
        """What shortens a next job. Called with a function that raises once a command has come, if
        the job is done and none comes for a moment."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise `JobCancelledError` if the job was cancelled. Call at every interruptible point."""
        if self._cancelled.is_set():
            raise JobCancelledError

    def loading(self, stage: Sentence, fraction: float | None = None) -> None:
        """Report what is being loaded; `fraction` is 0 to 1, or None if unknown."""
        if fraction is not None:
            fraction = min(1.0, max(0.0, fraction))
        self._send(Loading(self.id, stage, fraction))

    def progress(self, step: int, steps: int, seconds_left: float | None = None) -> None:
        """Report that `step` of `steps` are done. Rate-limited, except for the last step."""
        event = Progress(self.id, step, steps, seconds_left)
        with self._lock:
            now = time.monotonic()
            if step < steps and now - self._progress_sent < self._interval:
                self._pending_progress = event
                return
            self._pending_progress = None
            self._progress_sent = now
            self._send(event)

    def text(self, row: int, text: str) -> None:
        """Append `text` to row `row`.

        Deltas are merged and rate-limited over all rows; the row that has waited longest is
        sent first. `flush` sends the rest.
        """
        if not text:
            return
        with self._lock:
            self._pending_text[row] = self._pending_text.get(row, "") + text
            now = time.monotonic()
            if now - self._text_sent >= self._interval:
                self._text_sent = now
                first = next(iter(self._pending_text))
                self._send(TextDelta(self.id, first, self._pending_text.pop(first)))

    def preview(self, row: int, save: Callable[[Path], None], suffix: str = ".jpg") -> None:
        """Send a preview of row `row`: `save(path)` writes a small picture with `suffix`.

        Skipped without calling `save` if the last preview of that row is less than 50 ms old. A
        preview that cannot be written is skipped: it must not fail the job.
        """
        with self._lock:
            now = time.monotonic()
            if now - self._preview_sent.get(row, 0.0) < REPORT_INTERVAL:
                return
            target = self._make_work_dir() / f"preview-{row}{suffix}"
            fresh = target.with_name(f"preview-{row}-new{suffix}")
            try:
                save(fresh)
                fresh.replace(target)
            except OSError:
                return
            # Measured from the end of saving, so that a slow disk does not slow down the job.
            self._preview_sent[row] = time.monotonic()
            self._send(Preview(self.id, row, self._file_ref(target)))

    def asset(self, row: int, path: Path, recipe: Recipe) -> None:
        """Send the finished file of row `row`, after all pending reports.

        The file must be in `work_dir`.
        """
        self.flush()
        self._send(AssetReady(self.id, row, self._file_ref(path), recipe))

    def row_failed(self, row: int, problem: Problem) -> None:
        """Report that one row failed while the others continue."""
        self.flush()
        self._send(RowFailed(self.id, row, problem))

    def warn(self, kind: str, message: Sentence) -> None:
        """Send a warning. `kind` is one of the words listed in `Warned`."""
        self._send(Warned(self.id, kind, message))

    def temporary(self, suffix: str) -> Path:
        """Return a unique path inside `work_dir`. The file does not exist yet."""
        return self._make_work_dir() / f"{uuid.uuid4().hex}{suffix}"

    def path_of(self, file: InputFile) -> Path:
        """Return the path of an input file of the job."""
        return Path(file.file.name)

    def flush(self) -> None:
        """Send all pending reports."""
        with self._lock:
            pending, self._pending_text = self._pending_text, {}
            for row, text in pending.items():
                self._send(TextDelta(self.id, row, text))
            if self._pending_progress is not None:
                self._send(self._pending_progress)
                self._pending_progress = None

    def _file_ref(self, path: Path) -> FileRef:
        if path.parent != self.work_dir:
            raise ValueError(f"{path} is not in the job's work folder.")
        return FileRef("", path.name)

    def _make_work_dir(self) -> Path:
        # Not the folders above: if they are gone, their disk was unplugged, and what is written to
        # its mount point is hidden as soon as it is back.
        self.work_dir.mkdir(exist_ok=True)
        return self.work_dir
