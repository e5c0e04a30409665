"""How long jobs will take, learned from what this library's own results took.

The loading of models is left out: which ones are loaded when a job's turn comes cannot be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import log, sqrt
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct

from studio.jobs.forecast import Peak, peak_of
from studio.kinds.kind import BatchTiming, WorkTiming
from studio.kinds.registry import kind_of, known_kind
from studio.kinds.requests import inputs_of, unsupported_reason
from studio.library.queue.stored_job import rows_left
from studio.library.records import Job, making_seconds
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    Capabilities,
    InputFile,
    JobStatus,
    ProblemError,
    Recipe,
    Request,
    UnknownRequest,
)

SAMPLES = 400
"""The newest results that are learned from."""

_CLOSE_S = 1.0
"""The starts of rows of one batch differ by less: recipes tell their end in whole seconds."""

_ACTIVE: tuple[JobStatus, ...] = ("running", "queued")

_Key = tuple[str, str, str]
"""Kind of work, model, and device: what a GPU took tells nothing about a processor."""


class Sample(Struct, frozen=True):
    """Seconds that one picture took, without loading, and its work (pixel steps, or pixels)."""

    seconds: float
    work: float
    request: Request


class Batch(Struct):
    """`rows` answers that were written together.

    `seconds` is the time of the whole batch, `tokens` the length of its longest answer, 0
    where the recipes do not say. `is_cut` tells whether that one ended at the limit that was
    asked for, `limit` tokens. `shared` is how many rows shared the time by the recipes,
    `written` how many recipes there are.
    """

    start: float
    seconds: float
    rows: int
    shared: int
    written: int
    tokens: float
    is_cut: bool
    limit: int

    def expected(self, limit: int) -> float:
        """Return how many tokens the longest answer would have had with another limit."""
        return float(limit) if self.is_cut else min(self.tokens, limit)


class Part(NamedTuple):
    """What the time of a job depends on: its batch ("" without), request, and rows to make."""

    batch: str
    request: Request
    rows: int


class Estimator:
    """Seconds by kind of work, model and device.

    Made from recipes, newest first; it touches no disk itself. `device` is the one that is asked
    about: by default that of the newest result. `complete` fills in what a request leaves open:
    the default model, its own size and steps. `pixels` tells how many pixels a picture has that
    is to be enlarged, 0 where it cannot.
    """

    def __init__(
        self,
        recipes: Iterable[Recipe],
        complete: Callable[[Request], Request] = lambda request: request,
        pixels: Callable[[str], int] = lambda _: 0,
        device: str = "",
    ) -> None:
        self.device = device
        self._complete = complete
        self._pixels = pixels
        self._samples: dict[_Key, list[Sample]] = defaultdict(list)
        self._batches: dict[_Key, list[Batch]] = defaultdict(list)
        self._reading: dict[_Key, float] = {}
        self._peaks: dict[_Key, list[Peak]] = defaultdict(list)
        texts: dict[_Key, list[Recipe]] = defaultdict(list)
        for recipe in recipes:
            kind = known_kind(recipe.request.task)
            if kind is None or unsupported_reason(recipe.request) or making_seconds(recipe) <= 0:
                continue
            made_on = device_of(recipe)
            self.device = self.device or made_on
            # A recipe may name the model as it was asked for, e.g. by its path.
            for model in {recipe.model_id, recipe.request.model}:
                key = (recipe.request.task, model, made_on)
                if isinstance(kind.timing, BatchTiming):
                    texts[key].append(recipe)
                else:
                    self._samples[key].append(_sample(recipe, kind.timing))
                if (peak := peak_of(recipe)) is not None:
                    self._peaks[key].append(peak)
        for key, known in texts.items():
            self._batches[key] = _batches(known)
            self._reading[key] = median(r.stats.get("time_to_first_token", 0.0) for r in known)

    def seconds(self, request: Request, rows: int | None = None, jobs: int = 1) -> float | None:
        """Return what `rows` variations of a request will take, by default all of them.

        With `jobs` they belong to so many jobs with the same settings, which the engine runs
        together. None where nothing is known of the model. Results of the same settings count alone
        where there are any; otherwise time is taken to grow with the work, from those whose
        work is nearest.
        """
        rows = request.count if rows is None else rows
        request = self._complete(request)
        key = (request.task, request.model, self.device)
        if isinstance(request, UnknownRequest):
            return None
        timing = kind_of(request).timing
        if isinstance(timing, BatchTiming):
            if not self._batches.get(key):
                return None
            most = timing.max_batch_rows
            calls = min(jobs, -(-rows // most))
            told = _text_seconds(self._batches[key], timing.limit(request), rows, most)
            return self._reading[key] * calls + told
        known = self._samples.get(key)
        if not known:
            return None
        source = timing.input(request)
        if source is None:
            work = timing.work(request, known[0].request)
        else:
            work = float(self._pixels(source.path))
        if work <= 0:
            return median(sample.seconds for sample in known)
        known = [sample for sample in known if sample.work]
        if not known:
            return None
        nearest = min(abs(log(sample.work / work)) for sample in known)
        seconds = median(
            sample.seconds * work / sample.work
            for sample in known
            if abs(log(sample.work / work)) < nearest + 0.01
        )
        return seconds * rows

    def peaks(self, request: Request) -> Sequence[Peak]:
        """Return what memory earlier results of the request's model took there, newest first."""
        key = (request.task, self._complete(request).model, self.device)
        return self._peaks.get(key, [])

    def together(self, parts: Iterable[Part]) -> tuple[float, int]:
        """Return the seconds of jobs, and how many of them are of unknown length, left out.

        Those of one batch with the same settings count as run together, all others one by one.
        """
        rows_of: dict[Part, list[int]] = defaultdict(list)
        for part in parts:
            alike = Part(part.batch, bare(part.request), 0 if part.batch else part.rows)
            rows_of[alike].append(part.rows)
        total, unknown = 0.0, 0
        for alike, rows in rows_of.items():
            if alike.batch:
                seconds = self.seconds(alike.request, sum(rows), len(rows))
            else:
                one = self.seconds(alike.request, alike.rows)
                seconds = None if one is None else one * len(rows)
            if seconds is None:
                unknown += len(rows)
            else:
                total += seconds
        return total, unknown

    def total(self, requests: Iterable[Request]) -> float | None:
        """Return the seconds of requests sent together, None where one of them is not known."""
        total, unknown = self.together(Part("any", r, r.count) for r in requests)
        return None if unknown else total


def device_of(recipe: Recipe) -> str:
    """Return the name of the device that made a result; recipes may add what it is called."""
    return recipe.device.partition(" ")[0]


def learn(library: Library, registry: Registry | None = None, device: str = "") -> Estimator:
    """Read the newest results of a library. Raises `ProblemError` when the disk fails.

    With a registry, what requests leave open is what the engine will take: the default model,
    its own size and number of steps. `device` is the one that the engine has named.
    """
    recipes = (asset.recipe for asset in library.assets.recent(SAMPLES))
    if registry is None:
        return Estimator(recipes, pixels=picture_pixels, device=device)
    return Estimator(recipes, Defaults(registry).complete, picture_pixels, device)


def waiting_seconds(library: Library, estimator: Estimator) -> float | None:
    """Return the seconds that the waiting and running jobs still need, None where unknown.

    Jobs that this build cannot carry out are left out: they wait on. Raises
    `ProblemError` when the disk fails.
    """
    jobs = [job for status in _ACTIVE for job in library.queue.list(status, 1_000_000)]
    total, unknown = estimator.together(
        part_of(job) for job in jobs if job.unsupported_reason is None
    )
    return None if unknown else total


def part_of(job: Job) -> Part:
    """Return what the time of the rest of a job depends on, and nothing else of it."""
    return Part(job.batch, bare(job.request), rows_left(job))


def finished_at(seconds: float, now: datetime) -> str:
    """Return the time of day at which `seconds` from `now` will be over, as `03:40`."""
    return (now + timedelta(seconds=seconds)).strftime("%H:%M")


def bare(request: Request) -> Request:
    """Return a request with nothing left in it that its time does not depend on.

    The file of an enlargement stays: its size counts. Of other files only whether there is one.
    """
    if isinstance(request, UnknownRequest):
        return request
    kind = kind_of(request)
    plain: dict[str, object] = {
        name: "" if field.required else field.default
        for name, field in kind.fields.items()
        if name in kind.untimed_fields
    }
    measured = kind.timing.input(request) if isinstance(kind.timing, WorkTiming) else None
    if measured is None:
        plain |= {name: InputFile("") for name in inputs_of(request) if name not in plain}
    return request.with_values(**plain)


@lru_cache(maxsize=10_000)
def picture_pixels(path: str) -> int:
    """Return how many pixels a picture has, by its header; 0 where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.width * picture.height
    # Pillow's readers raise many things on damaged files; the engine will say what it is.
    except Exception:
        return 0


# ---- text


def _batches(recipes: Sequence[Recipe]) -> list[Batch]:
    """Put the rows together that were written together, also those of different jobs.

    A row's time is its share of what its batch took until it ended; in older recipes it is all
    of that. Rows of a batch have begun at the same moment.
    """
    batches: list[Batch] = []
    for row in sorted(map(_row, recipes), key=lambda row: row.start):
        last = batches[-1] if batches else None
        if (
            last is None
            or not row.start
            or row.start - last.start >= min(_CLOSE_S, max(row.seconds, last.seconds))
            or (row.limit, row.shared) != (last.limit, last.shared)
        ):
            batches.append(row)
            continue
        last.written += 1
        if row.seconds >= last.seconds:
            last.seconds, last.tokens, last.is_cut = row.seconds, row.tokens, row.is_cut
    for batch in batches:
        batch.rows = max(batch.shared, batch.written)
    return batches


def _row(recipe: Recipe) -> Batch:
    """Return a batch with nothing but this row in it."""
    request, stats = recipe.request, recipe.stats
    timing = kind_of(request).timing
    assert isinstance(timing, BatchTiming)
    share = making_seconds(recipe)
    tokens, pace = stats.get("tokens", 0.0), stats.get("tokens_per_second", 0.0)
    seconds = max(share, tokens / pace) if pace > 0 else share
    try:
        start = datetime.fromisoformat(recipe.created).timestamp() - seconds
    except ValueError:
        start = 0.0
    rows = round(seconds / share)
    is_cut = bool(stats.get("reached_limit", not tokens))
    return Batch(start, seconds, rows, rows, 1, tokens, is_cut, timing.limit(request))


def _text_seconds(known: Sequence[Batch], limit: int, rows: int, most: int) -> float:
    full, rest = divmod(rows, most)
    seconds = full * _batch_seconds(known, limit, most) if full else 0.0
    return seconds + _batch_seconds(known, limit, rest) if rest else seconds


def _batch_seconds(known: Sequence[Batch], limit: int, rows: int) -> float:
    same = [batch.seconds for batch in known if (batch.limit, batch.rows) == (limit, rows)]
    if same:
        return median(same)
    by_rows: dict[int, list[float]] = defaultdict(list)
    for batch in known:
        tokens = batch.tokens or batch.limit
        by_rows[batch.rows].append(batch.seconds / tokens * (batch.expected(limit) or limit))
    return _at({count: median(found) for count, found in by_rows.items()}, rows)


def _at(known: dict[int, float], rows: int) -> float:
    """Return the seconds of a batch of so many rows, from those that are known.

    Between two sizes it is a line; beyond them, time is taken to grow with the root.
    """
    below = max((r for r in known if r <= rows), default=None)
    above = min((r for r in known if r >= rows), default=None)
    if below is None or above is None:
        nearest = above if below is None else below
        assert nearest is not None
        return known[nearest] * sqrt(rows / nearest)
    if below == above:
        return known[below]
    share = (rows - below) / (above - below)
    return known[below] * (1 - share) + known[above] * share


# ---- pictures


def _sample(recipe: Recipe, timing: WorkTiming[Any]) -> Sample:
    work = timing.measured(recipe, recipe.request)
    return Sample(making_seconds(recipe), work, recipe.request)


class Defaults:
    """What the models of a registry take for what a request leaves open, looked up once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[Request, tuple[str, Capabilities | None]] = {}

    def complete(self, request: Request) -> Request:
        """Return the request with its model's id and what is known of its defaults."""
        if isinstance(request, UnknownRequest):
            return request
        alike = bare(request)
        if alike not in self._known:
            self._known[alike] = self._look(request)
        model, can = self._known[alike]
        if can is not None:
            request = kind_of(request).complete(request, can)
        return request.with_values(model=model)

    def _look(self, request: Request) -> tuple[str, Capabilities | None]:
        kind = kind_of(request)
        try:
            ref = self._registry.resolve_all(request)[0]
        except ProblemError:
            return request.model, None
        return ref.id or request.model, self._registry.capabilities(ref) if kind.describer else None
