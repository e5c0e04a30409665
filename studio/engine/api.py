"""What the app knows of an engine: everything outside of `studio.engine` asks this and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from studio.protocol import (
    ConvertModel,
    DescribeModel,
    DeviceMemory,
    Event,
    FileRef,
    RunJob,
    RunTogether,
)

Work: TypeAlias = RunJob | RunTogether | ConvertModel | DescribeModel
"""The commands that an engine runs; the others are methods of it."""


class Abilities(Struct, frozen=True):
    """The kinds of work that an engine does, and the formats of the models that it loads."""

    tasks: frozenset[str]
    formats: frozenset[str]


class Engine(Protocol):
    """Runs one command at a time. Every method may be called from any thread.

    Nothing that goes wrong in an engine is raised: it becomes the command's final event.
    """

    @property
    def name(self) -> str:
        """What tells it from other engines."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can run."""
        ...

    @property
    def memory(self) -> DeviceMemory | None:
        """The device that it computes on and its memory; None until it has told."""
        ...

    def start(self) -> None:
        """Make it ready for work. Returns at once. Opens a stopped engine again."""
        ...

    def run(self, command: Work, on_event: Callable[[Event], None]) -> Event:
        """Run one command; block until its final event, which is returned.

        `on_event` is called in this thread with every event, the final one included. Commands
        of several threads take turns. After `stop`, and until `start`, every command is
        `Cancelled`. Of `RunTogether` every part has a final event too, before that of the whole.
        """
        ...

    def cancel(self, job: str) -> None:
        """Cancel a job that runs or waits for its turn. Returns at once.

        A job that is not known (any more) is left alone.
        """
        ...

    def stop(self) -> None:
        """End a running command and let go of everything. Blocks for a few seconds at most."""
        ...

    def path_of(self, file: FileRef, work_dir: Path) -> Path:
        """Return where a file that a job announced lies on this machine.

        `work_dir` is the job's; an engine elsewhere fetches the file into it. Raises `OSError`.
        """
        ...
