"""Running jobs together, as the engine does, with one of them cancelled on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from studio.engine.local.devices import Device
from studio.engine.local.group import Group
from studio.engine.local.memory import MemoryArbiter
from studio.protocol import Event, Ready, RunJob, RunTogether


class KeepsEvents(Protocol):
    """What keeps the events of one job."""

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
    """Run the parts; `cancel` is stopped at the first event that `at` is true of."""
    cancels = {part.job: threading.Event() for part in parts}

    def note(event: Event) -> None:
        assert not isinstance(event, Ready)
        outcomes[event.job].events.append(event)
        if at(event):
            cancels[cancel].set()

    run_together(Group(RunTogether(job="all", parts=tuple(parts)), note, cancels), memory, device)
