"""Several jobs that are run as one: each reports, fails and is cancelled by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from studio.engine.local.job import INTERVAL, Job
from studio.protocol import Cancelled, Done, Event, Failed, RunJob, RunTogether


class Part:
    """One of the jobs. After its end nothing more is sent for it.

    Args:
        command: what it is asked.
        send: takes events for the app.
        cancelled: set by somebody else when it is to stop.
        interval: seconds between two reports of one kind.
    """

    def __init__(
        self,
        command: RunJob,
        send: Callable[[Event], None],
        cancelled: threading.Event,
        interval: float = INTERVAL,
    ) -> None:
        self.command = command
        self.cancelled = cancelled
        self.ended = False
        self.job = Job(command.job, Path(command.work_dir), self.send, cancelled, interval)
        self._send = send
        self._lock = threading.Lock()
        self._begun = time.monotonic()

    def send(self, event: Event) -> None:
        """Send an event, unless the job has ended."""
        with self._lock:
            if not self.ended:
                self._send(event)

    def end(self, final: Done | Failed | Cancelled) -> None:
        """Send what was held back and the final event. Only the first call counts."""
        self.job.flush()
        if isinstance(final, Done):
            final = Done(final.job, {"seconds": time.monotonic() - self._begun} | final.stats)
        with self._lock:
            if not self.ended:
                self.ended = True
                self._send(final)


class Group:
    """The jobs of one `RunTogether`.

    Attributes:
        parts: all of them.
        job: speaks for all that have not ended, and is to stop when none is left.
    """

    def __init__(
        self,
        command: RunTogether,
        send: Callable[[Event], None],
        cancelled: Mapping[str, threading.Event],
    ) -> None:
        # All together they report as often as one does.
        interval = INTERVAL * len(command.parts)
        self.parts = [Part(part, send, cancelled[part.job], interval) for part in command.parts]
        folder = Path(command.parts[0].work_dir) if command.parts else Path()
        self.job = Job(command.job, folder, self._send_to_all, _AllEnded(self), interval)

    def active(self) -> list[Part]:
        """Return the jobs that have not ended; those that were cancelled end here."""
        for part in self.parts:
            if part.cancelled.is_set() and not part.ended:
                part.end(Cancelled(part.command.job))
        return [part for part in self.parts if not part.ended]

    def alone(self, part: Part) -> Job:
        """Return a job that runs a part while the others wait for their turn."""
        folder = Path(part.command.work_dir)
        return Job(part.command.job, folder, part.send, _PartEnded(self, part))

    def part_of(self, job: Job) -> Part:
        """Return the part that a job belongs to."""
        return next(part for part in self.parts if part.job is job)

    def _send_to_all(self, event: Event) -> None:
        for part in self.active():
            part.send(msgspec.structs.replace(event, job=part.command.job))


class _AllEnded:
    """Looks like the event that cancels a job: set when every part of a group has ended."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def is_set(self) -> bool:
        return not self._group.active()


class _PartEnded:
    """Looks like the event that cancels a part, and meanwhile ends others that are cancelled."""

    def __init__(self, group: Group, part: Part) -> None:
        self._group = group
        self._part = part

    def is_set(self) -> bool:
        return self._part not in self._group.active()
