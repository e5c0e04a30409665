"""The jobs that a page of the batch dialog would enqueue."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.registry import kinds
from studio.protocol import Request


def batch_task(task: str) -> str:
    """Return the task that a batch varies: `task` if its kind has axes, else the first that has."""
    with_axes = [name for name, kind in kinds().items() if kind.axes]
    return task if task in with_axes else with_axes[0]


class Plan(Struct, frozen=True):
    """Requests with the labels of each; a contact sheet is laid out by the labels in `axes`."""

    requests: tuple[Request, ...]
    labels: tuple[dict[str, str], ...]
    axes: tuple[str, ...] = ()
