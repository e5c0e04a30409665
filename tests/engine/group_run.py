"""Run jobs together as the engine does, and cancel one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from studio.engine.local.devices import Device
from studio.engine.local.group import Group
from studio.engine.local.memory import MemoryArbiter
from studio.protocol import Event, Ready, RunJob, RunTogether


class KeepsEvents(Protocol):
    """Something with a list of events."""

    events: list[Event]


def run_group(
    run_together: Callable[[Group, MemoryArbiter, Device], None],
    parts: Sequence[RunJob],
    outcomes: Mapping[str, KeepsEvents],
    memory: MemoryArbiter,
    device: Device,
    cancel: str,
    at: Callable[[Event], bool],
) -> None:
    """Run the parts; the job `cancel` is cancelled at the first event for which `at` is true."""
    cancels = {part.job: threading.Event() for part in parts}

    def note(event: Event) -> None:
        assert not isinstance(event, Ready)
        outcomes[event.job].events.append(event)
        if at(event):
            cancels[cancel].set()

    run_together(Group(RunTogether(job="all", parts=tuple(parts)), note, cancels), memory, device)
