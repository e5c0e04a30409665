"""Estimate how long jobs will take, from the times in the recipes of earlier results.

Model loading is not included, but for `start_up_seconds`: whether a model will be loaded when a
job starts is known only to who asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import log, sqrt
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct

from studio.formats.pictures.open_picture import decoding
from studio.formats.sounds.recording import seconds_of
from studio.formats.videos.probe import video_pixels
from studio.jobs.forecast import Peak, peak_of
from studio.jobs.start_up import Key, StartUp, device_of, start_up_times
from studio.kinds.kind import BatchTiming, Medium, WorkTiming
from studio.kinds.registry import kind_of, known_kind, medium_of_file
from studio.kinds.requests import model_settings, unsupported_reason, with_inputs
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

MAX_SAMPLES = 400
"""Newest results that an estimator reads."""

_SAME_START_S = 1.0
"""Rows whose starts differ by less are of one batch: recipes hold end times in whole seconds."""

_ACTIVE: tuple[JobStatus, ...] = ("running", "queued")


class Sample(Struct, frozen=True):
    """Seconds that one result took, without loading, and its amount of work (see `WorkTiming`)."""

    seconds: float
    work: float
    request: Request


class BatchSample(Struct):
    """`rows` answers that were generated in one batch.

    Attributes:
        start: Unix seconds, 0 if unknown.
        seconds: time of the whole batch.
        shared: rows that shared the time, according to the recipes.
        recipes: recipes found of this batch.
        tokens: length of the longest answer, 0 if unknown.
        hit_limit: whether the longest answer was cut off at the limit.
        limit: requested maximum length in tokens.
    """

    start: float
    seconds: float
    rows: int
    shared: int
    recipes: int
    tokens: float
    hit_limit: bool
    limit: int

    def expected(self, limit: int) -> float:
        """Return the expected length of the longest answer in tokens, under another limit."""
        return float(limit) if self.hit_limit else min(self.tokens, limit)


class PendingWork(NamedTuple):
    """What the remaining time of a job depends on: batch id or "", request, rows still to make."""

    batch: str
    request: Request
    rows: int


class Estimator:
    """Estimates seconds by task, model and device from recipes. Does no I/O of its own.

    Args:
        recipes: those of earlier results, newest first.
        complete: fills in the defaults of a request: model, size and steps.
        pixels: returns the number of pixels of an input file, 0 if unknown.
        device: the device to estimate for, by default that of the newest result.
        start_up: what jobs have needed besides their results.
        seconds: returns the length of an input file, 0 if unknown.
    """

    def __init__(
        self,
        recipes: Iterable[Recipe],
        complete: Callable[[Request], Request] = lambda request: request,
        pixels: Callable[[str], int] = lambda _: 0,
        device: str = "",
        start_up: Mapping[Key, StartUp] = {},
        seconds: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        self.device = device
        self._start_up = start_up
        self._complete = complete
        self._pixels = pixels
        self._seconds = seconds
        self._samples: dict[Key, list[Sample]] = defaultdict(list)
        self._batches: dict[Key, list[BatchSample]] = defaultdict(list)
        self._first_token: dict[Key, float] = {}
        self._peaks: dict[Key, list[Peak]] = defaultdict(list)
        batched: dict[Key, list[Recipe]] = defaultdict(list)
        for recipe in recipes:
            kind = known_kind(recipe.request.task)
            if kind is None or unsupported_reason(recipe.request) or making_seconds(recipe) <= 0:
                continue
            made_on = device_of(recipe)
            self.device = self.device or made_on
            # A request may name the model by its path instead of its id.
            for model in {recipe.model_id, recipe.request.model}:
                key = (recipe.request.task, model, made_on)
                if isinstance(kind.timing, BatchTiming):
                    batched[key].append(recipe)
                else:
                    self._samples[key].append(_sample(recipe, kind.timing))
                if (peak := peak_of(recipe)) is not None:
                    self._peaks[key].append(peak)
        for key, known in batched.items():
            self._batches[key] = _batches(known)
            self._first_token[key] = median(r.stats.get("time_to_first_token", 0.0) for r in known)

    def seconds(self, request: Request, rows: int | None = None, jobs: int = 1) -> float | None:
        """Return the seconds for `rows` variations of a request, by default for all of them.

        `jobs` is the number of jobs that these rows belong to, if the engine runs several with
        the same settings together. None if there are no samples of the model. Uses samples with
        the same settings if there are any; otherwise scales those with the nearest amount of
        work linearly.
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
            written = _batches_seconds(self._batches[key], timing.limit(request), rows, most)
            return self._first_token[key] * calls + written
        known = self._samples.get(key)
        if not known:
            return None
        source = timing.input(request)
        if source is None:
            work = timing.work(request, known[0].request)
        else:
            measure = self._seconds if timing.by_seconds else self._pixels
            work = float(measure(source.path))
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

    def start_up_seconds(self, request: Request, *, is_warm: bool, engine: float = 0.0) -> float:
        """Return the seconds that a job needs besides its results, 0 if unknown.

        `engine` are the seconds that starting the engine takes, 0 if it is running.
        """
        key = (request.task, self._complete(request).model, self.device)
        found = self._start_up.get(key)
        return found.seconds(is_warm=is_warm, engine=engine) if found is not None else 0.0

    def model_of(self, request: Request) -> str:
        """Return the id of the model that a request will use, as far as it is known."""
        return self._complete(request).model

    def peaks(self, request: Request) -> Sequence[Peak]:
        """Return the peak memory of earlier results of the request's model, newest first."""
        key = (request.task, self._complete(request).model, self.device)
        return self._peaks.get(key, [])

    def total_seconds(self, works: Iterable[PendingWork]) -> tuple[float, int]:
        """Return the total seconds of jobs, and the number of jobs without an estimate.

        Jobs of one batch with the same settings are taken to run together, all others one by one.
        """
        rows_of: dict[PendingWork, list[int]] = defaultdict(list)
        for work in works:
            rows = 0 if work.batch else work.rows
            rows_of[PendingWork(work.batch, strip_untimed(work.request), rows)].append(work.rows)
        total, unknown = 0.0, 0
        for group, counts in rows_of.items():
            if group.batch:
                seconds = self.seconds(group.request, sum(counts), len(counts))
            else:
                one = self.seconds(group.request, group.rows)
                seconds = None if one is None else one * len(counts)
            if seconds is None:
                unknown += len(counts)
            else:
                total += seconds
        return total, unknown

    def batch_seconds(self, requests: Iterable[Request]) -> float | None:
        """Return the seconds of requests sent as one batch; None if one has no estimate."""
        total, unknown = self.total_seconds(PendingWork("any", r, r.count) for r in requests)
        return None if unknown else total


def build_estimator(
    library: Library, registry: Registry | None = None, device: str = ""
) -> Estimator:
    """Return an estimator made from the newest results of a library.

    With a registry, defaults of requests are filled in as the engine does: model, size and
    steps. `device` is the device that the engine reported. Raises `ProblemError` if the disk
    fails.
    """
    assets = library.assets.recent(MAX_SAMPLES)
    recipes = [asset.recipe for asset in assets]
    start_up = start_up_times(library, assets)
    complete = Defaults(registry).complete if registry is not None else _as_it_is
    return Estimator(recipes, complete, input_pixels, device, start_up, recording_seconds)


def _as_it_is(request: Request) -> Request:
    return request


def queue_seconds(library: Library, estimator: Estimator) -> float | None:
    """Return the seconds that waiting and running jobs still need, None if one has no estimate.

    Jobs of another version that this one cannot run are not counted. Raises `ProblemError` if the
    disk fails.
    """
    jobs = [job for status in _ACTIVE for job in library.queue.list(status, 1_000_000)]
    total, unknown = estimator.total_seconds(
        pending_work(job) for job in jobs if job.unsupported_reason is None
    )
    return None if unknown else total


def pending_work(job: Job) -> PendingWork:
    """Return what the remaining time of a job depends on."""
    return PendingWork(job.batch, strip_untimed(job.request), rows_left(job))


def finished_at(seconds: float, now: datetime) -> str:
    """Return the time of day `seconds` after `now`, such as `03:40`."""
    return (now + timedelta(seconds=seconds)).strftime("%H:%M")


def strip_untimed(request: Request) -> Request:
    """Return a request with every field reset that its time does not depend on.

    Input files are replaced by a placeholder, except where the size of the file counts.
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
        request = with_inputs(request, lambda _: InputFile(""))
    return request.with_values(**plain)


def input_pixels(path: str) -> int:
    """Return the pixels of a picture, or of all frames of a video; 0 if it cannot be read."""
    if medium_of_file(path) is Medium.VIDEO:
        return video_pixels(path)
    return picture_pixels(path)


@lru_cache(maxsize=10_000)
def recording_seconds(path: str) -> float:
    """Return the length of a recording by its header, 0 if it cannot be read."""
    return seconds_of(Path(path))


@lru_cache(maxsize=10_000)
def picture_pixels(path: str) -> int:
    """Return the number of pixels according to a picture's header, 0 if it cannot be read."""
    from PIL import Image

    try:
        with decoding(), Image.open(path) as picture:
            return picture.width * picture.height
    # Pillow raises many types on damaged files. The job itself reports the error.
    except Exception:
        return 0


def _batches(recipes: Sequence[Recipe]) -> list[BatchSample]:
    """Group recipes by the batch they were generated in, also across jobs.

    The time in a recipe is the row's share of its batch's time; in recipes of older versions it
    is the whole of it. Rows of one batch have the same start.
    """
    batches: list[BatchSample] = []
    for row in sorted(map(_row, recipes), key=lambda row: row.start):
        last = batches[-1] if batches else None
        if (
            last is None
            or not row.start
            or row.start - last.start >= min(_SAME_START_S, max(row.seconds, last.seconds))
            or (row.limit, row.shared) != (last.limit, last.shared)
        ):
            batches.append(row)
            continue
        last.recipes += 1
        if row.seconds >= last.seconds:
            last.seconds, last.tokens, last.hit_limit = row.seconds, row.tokens, row.hit_limit
    for batch in batches:
        batch.rows = max(batch.shared, batch.recipes)
    return batches


def _row(recipe: Recipe) -> BatchSample:
    """Return a sample with this row alone."""
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
    hit_limit = bool(stats.get("reached_limit", not tokens))
    return BatchSample(start, seconds, rows, rows, 1, tokens, hit_limit, timing.limit(request))


def _batches_seconds(known: Sequence[BatchSample], limit: int, rows: int, most: int) -> float:
    full, rest = divmod(rows, most)
    seconds = full * _batch_seconds(known, limit, most) if full else 0.0
    return seconds + _batch_seconds(known, limit, rest) if rest else seconds


def _batch_seconds(known: Sequence[BatchSample], limit: int, rows: int) -> float:
    same = [batch.seconds for batch in known if (batch.limit, batch.rows) == (limit, rows)]
    if same:
        return median(same)
    by_rows: dict[int, list[float]] = defaultdict(list)
    for batch in known:
        tokens = batch.tokens or batch.limit
        by_rows[batch.rows].append(batch.seconds / tokens * (batch.expected(limit) or limit))
    return _interpolate({count: median(found) for count, found in by_rows.items()}, rows)


def _interpolate(known: dict[int, float], rows: int) -> float:
    """Return the seconds of a batch of `rows` rows from known batch sizes.

    Interpolates linearly between two sizes, and extrapolates with the square root of the rows.
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


def _sample(recipe: Recipe, timing: WorkTiming[Any]) -> Sample:
    work = timing.measured(recipe, recipe.request)
    return Sample(making_seconds(recipe), work, recipe.request)


class Defaults:
    """Fills in the defaults of requests from the models of a registry, with a cache."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[Request, tuple[str, Capabilities | None]] = {}

    def complete(self, request: Request) -> Request:
        """Return the request with the id of its model and the known defaults of that model."""
        if isinstance(request, UnknownRequest):
            return request
        key = model_settings(request)
        if key not in self._known:
            self._known[key] = self._look_up(request)
        model, can = self._known[key]
        if can is not None:
            request = kind_of(request).complete(request, can)
        return request.with_values(model=model)

    def _look_up(self, request: Request) -> tuple[str, Capabilities | None]:
        kind = kind_of(request)
        try:
            ref = self._registry.resolve_all(request)[0]
        except ProblemError:
            return request.model, None
        return ref.id or request.model, self._registry.capabilities(ref) if kind.describer else None
