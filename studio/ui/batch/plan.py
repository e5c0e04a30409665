"""The jobs that a page of the batch dialog would enqueue."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.kind import Medium
from studio.kinds.registry import kind_of, kinds
from studio.protocol import Request
from studio.ui.style.translations import tr


def batch_task(task: str) -> str:
    """Return the task that a batch varies: `task` if its kind has axes, else the first that has."""
    with_axes = [name for name, kind in kinds().items() if kind.axes]
    return task if task in with_axes else with_axes[0]


class Plan(Struct, frozen=True):
    """Requests with the labels of each; a contact sheet is laid out by the labels in `axes`."""

    requests: tuple[Request, ...]
    labels: tuple[dict[str, str], ...]
    axes: tuple[str, ...] = ()


def what_is_made(plan: Plan) -> str:
    """Return how many results of what medium a plan makes, and from how many jobs."""
    requests = plan.requests
    total = sum(request.count for request in requests)
    media = {kind_of(request).medium for request in requests}
    what = _counted(total, media.pop() if len(media) == 1 else None)
    counts = {request.count for request in requests}
    if counts == {1}:
        return what
    if len(counts) == 1:
        return tr("{what}: {jobs} jobs with {count} variations each").format(
            what=what, jobs=f"{len(requests):,}", count=f"{counts.pop():,}"
        )
    return tr("{what} from {jobs} jobs").format(what=what, jobs=f"{len(requests):,}")


def _counted(number: int, medium: Medium | None) -> str:
    n = f"{number:,}"
    if medium is Medium.PICTURE:
        return tr("1 picture") if number == 1 else tr("{count} pictures").format(count=n)
    if medium is Medium.TEXT:
        return tr("1 text") if number == 1 else tr("{count} texts").format(count=n)
    return tr("1 result") if number == 1 else tr("{count} results").format(count=n)
