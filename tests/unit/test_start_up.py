"""What a job takes besides its results is learned from the times of earlier jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from studio.jobs.estimate import build_estimator
from studio.jobs.start_up import StartUp, read_engine_start, write_engine_start
from studio.kinds.image import ImageRequest
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import Recipe
from tests.unit.conftest import enqueue, png_bytes


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = Library.open(tmp_path / "library")
    yield library
    library.close()


def ran(library: Library, *, draw: float, load: float, count: int = 1) -> Job:
    """Record a job of `count` results."""
    job = library.queue.start(enqueue(library, count=count))
    for row in range(count):
        file = library.work_dir(job) / f"{row}.png"
        file.write_bytes(png_bytes())
        recipe = Recipe(
            request=job.request,
            row=row,
            seed=5 + row,
            model_id="icons",
            device="cpu",
            timings={"load": load, "draw": draw},
        )
        library.record_asset(job, row, file, recipe)
    return library.queue.finish(job.id, "done")


def set_times(library: Library, monkeypatch: pytest.MonkeyPatch, seconds: dict[str, int]) -> None:
    """Let jobs have taken so many seconds on the clock."""
    real = library.queue.get

    def get(id: str) -> Job | None:
        job = real(id)
        if job is None:
            return None
        times = (f"2026-01-01T10:00:{at:02}+00:00" for at in (0, seconds[id]))
        started, finished = times
        return msgspec.structs.replace(job, started=started, finished=finished)

    monkeypatch.setattr(library.queue, "get", get)


def test_loading_counts_for_a_model_that_is_not_loaded(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = ran(library, draw=3.0, load=9.0, count=2)
    warm = ran(library, draw=3.0, load=0.0, count=2)
    set_times(library, monkeypatch, {cold.id: 20, warm.id: 7})
    known = build_estimator(library)
    request = ImageRequest(prompt="a", model="icons")
    assert known.start_up_seconds(request, is_warm=False) == pytest.approx(14.0)
    assert known.start_up_seconds(request, is_warm=True) == pytest.approx(1.0)
    other = ImageRequest(prompt="a", model="another")
    assert known.start_up_seconds(other, is_warm=False) == 0.0


def test_a_job_that_is_no_longer_listed_counts_with_its_loading(library: Library) -> None:
    ran(library, draw=3.0, load=9.0)
    library.queue.clear_ended()
    known = build_estimator(library)
    request = ImageRequest(prompt="a", model="icons")
    assert known.start_up_seconds(request, is_warm=False) == pytest.approx(9.0)


def test_starting_the_engine_counts_where_no_earlier_job_had_to(tmp_path: Path) -> None:
    assert read_engine_start(tmp_path) == 0.0
    write_engine_start(tmp_path, 7.04)
    assert read_engine_start(tmp_path) == 7.0
    (tmp_path / "engine_start.json").write_text("[", encoding="utf-8")
    assert read_engine_start(tmp_path) == 0.0
    once = StartUp(cold=4.0, warm=1.0, least=4.0)
    assert once.seconds(is_warm=False, engine=7.0) == 11.0
    assert once.seconds(is_warm=True) == 1.0
    # The median already has it.
    assert StartUp(cold=12.0, least=4.0).seconds(is_warm=False, engine=7.0) == 12.0
