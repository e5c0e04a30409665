"""What a running job may do: report, hand over results, and notice that it was cancelled.

A task module gets one `Job` and nothing else of the process around it. Reports are thinned
out here, so that code in a loop may report at every step.
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

INTERVAL = 0.05
"""Seconds between two reports of one kind, unless a job is told otherwise: 20 a second."""


class JobCancelled(Exception):
    """Raised at an interruptible point once the person asked to stop."""


class Flag(Protocol):
    """Tells whether to stop, as `threading.Event` does."""

    def is_set(self) -> bool: ...


class Pace:
    """Estimates the seconds left from the steps done so far.

    Recent steps weigh more than old ones, so that the estimate follows a machine that gets
    slower. The first two steps give no estimate: they include warming up.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._clock = clock
        self._measured = 0
        self._step = 0
        self._then = clock()
        self._seconds_a_step: float | None = None

    def seconds_left(self, step: int) -> float | None:
        """Note that `step` steps are done; return the seconds left, None while unknown."""
        now = self._clock()
        if step > self._step:
            latest = (now - self._then) / (step - self._step)
            self._step, self._then = step, now
            self._measured += 1
            if self._seconds_a_step is None or self._measured <= 2:
                self._seconds_a_step = latest
            else:
                self._seconds_a_step += 0.3 * (latest - self._seconds_a_step)
        if self._measured < 3 or self._seconds_a_step is None:
            return None
        return max(0.0, self._seconds_a_step * (self._steps - self._step))


class Job:
    """One job as the task modules see it. Its methods may be called from any thread.

    Args:
        id: the job's id, repeated in every event.
        work_dir: where files are written; made when the first file is asked for.
        send: takes events for the app; must be safe to call from any thread.
        cancelled: set by somebody else when the job is to stop.
        interval: seconds between two reports of one kind.
    """

    def __init__(
        self,
        id: str,
        work_dir: Path,
        send: Callable[[Event], None],
        cancelled: Flag,
        interval: float = INTERVAL,
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

    @property
    def is_cancelled(self) -> bool:
        """Whether the person asked to stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Call at every interruptible point. Raises `JobCancelled` once cancelled."""
        if self._cancelled.is_set():
            raise JobCancelled

    def loading(self, stage: Sentence, fraction: float | None = None) -> None:
        """Say what is being loaded; `fraction` 0 to 1, or None when it cannot be told."""
        if fraction is not None:
            fraction = min(1.0, max(0.0, fraction))
        self._send(Loading(self.id, stage, fraction))

    def progress(self, step: int, steps: int, seconds_left: float | None = None) -> None:
        """Say that `step` of `steps` are done. Sent at most 20 times a second, the last always."""
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
        """Append `text` to row `row`. Deltas are joined: at most 20 are sent a second in all,
        the row that has waited longest first. `flush` sends the rest.
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
        """Show row `row` as it is now: `save(path)` writes a small picture with `suffix`.

        Skipped without calling `save` when the last preview of that row is under 50 ms old. A
        preview that cannot be written is left out: it must not cost the job.
        """
        with self._lock:
            now = time.monotonic()
            if now - self._preview_sent.get(row, 0.0) < INTERVAL:
                return
            target = self._folder() / f"preview-{row}{suffix}"
            fresh = target.with_name(f"preview-{row}-new{suffix}")
            try:
                save(fresh)
                fresh.replace(target)
            except OSError:
                return
            # Counted from the end, so that slow saving cannot fill the whole time of the job.
            self._preview_sent[row] = time.monotonic()
            self._send(Preview(self.id, row, self._result(target)))

    def asset(self, row: int, path: Path, recipe: Recipe) -> None:
        """Hand over the finished file of row `row`, which lies in `work_dir`.

        Everything waiting is sent before it.
        """
        self.flush()
        self._send(AssetReady(self.id, row, self._result(path), recipe))

    def row_failed(self, row: int, problem: Problem) -> None:
        """Say that one row failed while the others go on."""
        self.flush()
        self._send(RowFailed(self.id, row, problem))

    def warn(self, kind: str, message: Sentence) -> None:
        """Say something worth knowing. `kind` is one of the words listed in `Warned`."""
        self._send(Warned(self.id, kind, message))

    def temporary(self, suffix: str) -> Path:
        """Return a path inside `work_dir` that no one else gets. The file does not exist yet."""
        return self._folder() / f"{uuid.uuid4().hex}{suffix}"

    def path_of(self, file: InputFile) -> Path:
        """Return where an input of the job lies: where the request says."""
        return Path(file.file.name)

    def flush(self) -> None:
        """Send everything that was held back."""
        with self._lock:
            pending, self._pending_text = self._pending_text, {}
            for row, text in pending.items():
                self._send(TextDelta(self.id, row, text))
            if self._pending_progress is not None:
                self._send(self._pending_progress)
                self._pending_progress = None

    def _result(self, path: Path) -> FileRef:
        if path.parent != self.work_dir:
            raise ValueError(f"{path} is not in the job's work folder.")
        return FileRef("", path.name)

    def _folder(self) -> Path:
        self.work_dir.mkdir(parents=True, exist_ok=True)
        return self.work_dir
