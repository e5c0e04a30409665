"""The interface of an engine: all that code outside of `studio.engine` uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from studio.protocol import (
    ConvertModel,
    DescribeModel,
    DeviceMemory,
    EmbedTexts,
    Event,
    FileRef,
    ListAlternatives,
    RunJob,
    RunTogether,
)

Work: TypeAlias = (
    RunJob | RunTogether | ConvertModel | DescribeModel | ListAlternatives | EmbedTexts
)
"""The commands that `Engine.run` accepts; the others have their own methods."""


class Abilities(Struct, frozen=True):
    """The kinds of work and the model formats that an engine supports."""

    tasks: frozenset[str]
    formats: frozenset[str]


class Engine(Protocol):
    """Runs one command at a time. All methods are thread-safe.

    Failures inside an engine are not raised: they become the command's final event.
    """

    @property
    def name(self) -> str:
        """The unique name of this engine."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What this engine can run."""
        ...

    @property
    def memory(self) -> DeviceMemory | None:
        """The device that it computes on and its memory; None until known."""
        ...

    def start(self) -> None:
        """Prepare the engine for work. Returns at once. Reopens a stopped engine."""
        ...

    def run(self, command: Work, on_event: Callable[[Event], None]) -> Event:
        """Run one command, block until its final event and return that event.

        `on_event` is called in this thread with every event, including the final one. Commands
        from several threads run one at a time. Between `stop` and `start`, every command ends
        with `Cancelled`. `NotResponding` follows if the engine is silent for a while; nothing is
        stopped because of it. With `RunTogether`, every part has its own final event before that of
        the group.
        """
        ...

    def cancel(self, job: str) -> None:
        """Cancel a running or waiting job. Returns at once.

        Unknown and finished jobs are ignored.
        """
        ...

    def restart(self) -> None:
        """End the engine's process at once, also if it does not respond.

        The running command ends with `Failed` and the kind `engine_restarted`, unless it has
        just ended or was cancelled. The next command starts the engine again.
        """
        ...

    def stop(self) -> None:
        """Stop the running command and release all resources. Blocks for a few seconds at most."""
        ...

    def path_of(self, file: FileRef, work_dir: Path) -> Path:
        """Return the local path of a job's output file.

        `work_dir` is the job's work folder; a remote engine fetches the file into it. Raises
        `OSError`.
        """
        ...
