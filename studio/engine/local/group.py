"""Several jobs that run as one: each reports, fails and is cancelled on its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from studio.engine.local.job import REPORT_INTERVAL, Job
from studio.protocol import Cancelled, Done, Event, Failed, RunJob, RunTogether


class Part:
    """One job of a group. After it has ended, no more events are sent for it.

    Args:
        command: the job's command.
        send: sends events to the app.
        cancelled: set when the job should stop.
        interval: seconds between two reports of one kind.
    """

    def __init__(
        self,
        command: RunJob,
        send: Callable[[Event], None],
        cancelled: threading.Event,
        interval: float = REPORT_INTERVAL,
    ) -> None:
        self.command = command
        self.cancelled = cancelled
        self.ended = False
        self.job = Job(command.job, Path(command.work_dir), self.send, cancelled, interval)
        self._send = send
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def send(self, event: Event) -> None:
        """Send an event, unless the job has ended."""
        with self._lock:
            if not self.ended:
                self._send(event)

    def end(self, final: Done | Failed | Cancelled) -> None:
        """Send pending reports and the final event. Only the first call has an effect."""
        self.job.flush()
        if isinstance(final, Done):
            final = Done(final.job, {"seconds": time.monotonic() - self._started} | final.stats)
        with self._lock:
            if not self.ended:
                self.ended = True
                self._send(final)


class Group:
    """The jobs of one `RunTogether`.

    Attributes:
        parts: all jobs.
        job: reports for all jobs that have not ended; counts as cancelled once all have ended.
    """

    def __init__(
        self,
        command: RunTogether,
        send: Callable[[Event], None],
        cancelled: Mapping[str, threading.Event],
    ) -> None:
        # Together, all parts report as often as a single job.
        interval = REPORT_INTERVAL * len(command.parts)
        self.parts = [Part(part, send, cancelled[part.job], interval) for part in command.parts]
        folder = Path(command.parts[0].work_dir) if command.parts else Path()
        self.job = Job(command.job, folder, self._send_to_all, _AllPartsEnded(self), interval)

    def active(self) -> list[Part]:
        """Return the jobs that have not ended. Ends the cancelled ones first."""
        for part in self.parts:
            if part.cancelled.is_set() and not part.ended:
                part.end(Cancelled(part.command.job))
        return [part for part in self.parts if not part.ended]

    def single_job(self, part: Part) -> Job:
        """Return a job for running one part on its own while the others wait."""
        folder = Path(part.command.work_dir)
        return Job(part.command.job, folder, part.send, _PartEnded(self, part))

    def part_of(self, job: Job) -> Part:
        """Return the part that a job belongs to."""
        return next(part for part in self.parts if part.job is job)

    def _send_to_all(self, event: Event) -> None:
        for part in self.active():
            part.send(msgspec.structs.replace(event, job=part.command.job))


class _AllPartsEnded:
    """A cancel flag that is set once every part of a group has ended."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def is_set(self) -> bool:
        return not self._group.active()


class _PartEnded:
    """A cancel flag for one part. Checking it also ends other parts that were cancelled."""

    def __init__(self, group: Group, part: Part) -> None:
        self._group = group
        self._part = part

    def is_set(self) -> bool:
        return self._part not in self._group.active()
