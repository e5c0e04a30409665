"""The state of one command that the client of the local engine runs."""

from __future__ import annotations

import threading

from studio.engine.api import Work
from studio.engine.local.child_process import EngineProcess
from studio.protocol import RunTogether


class Run:
    """The state of one call of `EngineClient.run`, shared with other threads."""

    def __init__(self, command: Work) -> None:
        self.job = command.job
        parts = command.parts if isinstance(command, RunTogether) else ()
        self.open_parts = {part.job: threading.Event() for part in parts}
        """Parts that have not ended, each with an event that is set when it ends."""
        self.cancelled_parts: list[str] = []
        """Parts that were cancelled, in order."""
        self.thread = threading.current_thread()
        self.engine: EngineProcess | None = None
        self.accepted = False
        self.is_silent = False
        """Whether the process has not responded for `SILENCE_SECONDS`."""
        self.restarted = False
        """Whether the process was ended by `EngineClient.restart`."""
        self.cancelled = threading.Event()
        self.terminated = threading.Event()
        self.finished = False
        self.done = threading.Event()
        self.is_sent = False
        """Whether the process has received the command."""
        self.threads: list[threading.Thread] = []
        """Threads to wait for at the end."""

    def end_part(self, part: str) -> bool:
        """Mark a part as ended. Returns False if it had already ended."""
        done = self.open_parts.pop(part, None)
        if done is not None:
            done.set()
        return done is not None

    @property
    def reporting_job(self) -> str:
        """The job under which to report what concerns the whole command."""
        return next(iter(self.open_parts), self.job)
