"""What a page of the batch dialog would enqueue."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.registry import kinds
from studio.protocol import Request


def batch_task(task: str) -> str:
    """Return the kind whose settings a batch varies: the current one, where it has axes."""
    with_axes = [name for name, kind in kinds().items() if kind.axes]
    return task if task in with_axes else with_axes[0]


class Plan(Struct, frozen=True):
    """Requests and the labels of each. `axes` are the labels a contact sheet is laid out by."""

    requests: tuple[Request, ...]
    labels: tuple[dict[str, str], ...]
    axes: tuple[str, ...] = ()
