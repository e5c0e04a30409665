"""How long jobs will take, learned from what this library's own results took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

from msgspec import Struct

from studio.library.records import making_seconds
from studio.library.store import Library
from studio.protocol import ImageRequest, Recipe, Request, TextRequest, task_of

SAMPLES = 400
"""The newest results that are learned from."""

_Key = tuple[str, str]


class Sample(Struct, frozen=True):
    """What one result took, in seconds without loading, by its work (pixel steps or rows)."""

    seconds: float
    work: float
    request: Request


class Estimator:
    """Seconds by task and model. Made from recipes, newest first; it touches no disk."""

    def __init__(self, recipes: Iterable[Recipe]) -> None:
        self._samples: dict[_Key, list[Sample]] = defaultdict(list)
        for recipe in recipes:
            seconds = making_seconds(recipe)
            if seconds <= 0:
                continue
            request = recipe.request
            sample = Sample(seconds, _work(request, request), request)
            # A recipe may name the model as it was asked for, e.g. by its path.
            for model in {recipe.model_id, request.model}:
                self._samples[task_of(request), model].append(sample)

    def seconds(self, request: Request) -> float | None:
        """Return what a request will take for all its rows, None where nothing is known.

        Results of the same settings count alone where there are any; otherwise the time is
        taken to grow with pixels and steps.
        """
        known = self._samples.get((task_of(request), request.model))
        if not known:
            return None
        work = _work(request, known[0].request)
        same = [s.seconds for s in known if s.work == work]
        one = median(same) if same else work * median(s.seconds / s.work for s in known)
        return one * request.count

    def total(self, requests: Sequence[Request]) -> float | None:
        """Return the seconds of several requests, None where one of them is not known."""
        total = 0.0
        for request in requests:
            seconds = self.seconds(request)
            if seconds is None:
                return None
            total += seconds
        return total


def learn(library: Library) -> Estimator:
    """Read the newest results of a library. Raises `ProblemError` when the disk fails."""
    return Estimator(asset.recipe for asset in library.recent(SAMPLES))


def waiting_seconds(library: Library, estimator: Estimator) -> float | None:
    """Return the seconds that the waiting and running jobs still need, None where unknown.

    Raises `ProblemError` when the disk fails.
    """
    total = 0.0
    for status in ("running", "queued"):
        for job in library.jobs(status, 10_000):
            seconds = estimator.seconds(job.request)
            if seconds is None:
                return None
            total += seconds * (job.request.count - len(job.done_rows)) / job.request.count
    return total


def finished_at(seconds: float, now: datetime) -> str:
    """Return the time of day at which `seconds` from `now` will be over, as `03:40`."""
    return (now + timedelta(seconds=seconds)).strftime("%H:%M")


def _work(request: Request, like: Request) -> float:
    """Return pixel steps of one picture, tokens asked for, or 1; gaps are filled from `like`."""
    match request:
        case ImageRequest():
            other = like if isinstance(like, ImageRequest) else request
            width = request.width or other.width or 512
            height = request.height or other.height or 512
            steps = request.steps or other.steps or 20
            return float(width * height * steps)
        case TextRequest():
            return float(request.max_tokens)
        case _:
            return float(request.scale**2)
