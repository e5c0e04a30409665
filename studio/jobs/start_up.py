"""What a job takes besides its results: starting the engine, loading the model, checksums.

Learned from the jobs of earlier results: the time from start to end, without that of the results.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file, write_json_file
from studio.library.records import Asset, Job, making_seconds
from studio.library.store import Library
from studio.protocol import Recipe

_MAX_JOBS = 60
"""Newest jobs that are looked at."""

_FILE = "engine_start.json"
_LONGEST_START_S = 300.0

_LOADED_S = 0.3
"""A job that loaded for longer had to load its model."""

Key = tuple[str, str, str]
"""Task, model and device."""


class StartUp(Struct, frozen=True):
    """Seconds besides the results, None if unknown: with loading the model, and without.

    `least` is the shortest time with loading: perhaps of a job that found the engine running.
    """

    cold: float | None = None
    warm: float | None = None
    least: float = 0.0

    def seconds(self, *, is_warm: bool, engine: float = 0.0) -> float:
        """Return what is known for a model that is loaded, or is not.

        `engine` are the seconds that starting the engine takes, 0 if it is running.
        """
        if is_warm:
            return self.warm or 0.0
        return max(self.cold or 0.0, self.least + engine)


def read_engine_start(cache: Path) -> float:
    """Return the seconds that starting the engine took last, 0 if unknown."""
    try:
        found = read_json_file(cache / _FILE, float)
    except msgspec.DecodeError:
        return 0.0
    return found if found is not None and 0 < found < _LONGEST_START_S else 0.0


def write_engine_start(cache: Path, seconds: float) -> None:
    """Note how long starting the engine took. A disk that cannot be written is no error."""
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        write_json_file(cache / _FILE, round(seconds, 1))


def device_of(recipe: Recipe) -> str:
    """Return the device of a recipe, such as `cuda:0`, without the name of its model."""
    return recipe.device.partition(" ")[0]


def start_up_times(library: Library, assets: Sequence[Asset]) -> dict[Key, StartUp]:
    """Return what jobs of a task and model have needed. Raises `ProblemError` if the disk fails."""
    by_job: dict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        by_job[asset.job].append(asset)
    cold: dict[Key, list[float]] = defaultdict(list)
    warm: dict[Key, list[float]] = defaultdict(list)
    for id in list(by_job)[:_MAX_JOBS]:
        made = by_job[id]
        recipe = made[0].recipe
        loading = max(asset.recipe.timings.get("load", 0.0) for asset in made)
        seconds = _besides(library.queue.get(id), made, loading)
        if seconds is None:
            continue
        found = cold if loading >= _LOADED_S else warm
        for model in {recipe.model_id, recipe.request.model}:
            found[made[0].task, model, device_of(recipe)].append(seconds)
    return {
        key: StartUp(
            median(cold[key]) if key in cold else None,
            median(warm[key]) if key in warm else None,
            min(cold[key], default=0.0),
        )
        for key in cold.keys() | warm.keys()
    }


def _besides(job: Job | None, made: Sequence[Asset], loading: float) -> float | None:
    """Return the seconds of a job besides its results, None if its times do not tell."""
    is_whole = job is not None and len(made) == job.request.count
    if job is None or job.status != "done" or job.batch or not is_whole:
        return loading or None
    try:
        started = datetime.fromisoformat(job.started)
        finished = datetime.fromisoformat(job.finished)
    except ValueError:
        return loading or None
    making = sum(making_seconds(asset.recipe) for asset in made)
    # Times of jobs may be in whole seconds.
    return max(loading, (finished - started).total_seconds() - making)
