"""Estimates learned from finished results."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.jobs.backlog import Backlog, RemainingTime
from studio.jobs.estimate import (
    Defaults,
    Estimator,
    build_estimator,
    finished_at,
    picture_pixels,
    queue_seconds,
)
from studio.kinds.image import ImageRequest
from studio.kinds.kind import ModelNeed
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    Capabilities,
    InputFile,
    ModelRef,
    Problem,
    Recipe,
    Request,
    sentence,
)
from studio.settings import default_paths
from tests.unit.conftest import enqueue, png_bytes
from tests.unit.model_files import write_llama, write_pipeline


def took(seconds: float, steps: int) -> Recipe:
    request = ImageRequest(prompt="a cat", width=512, height=512, steps=steps)
    timings = {"load": 100.0, "denoise": seconds}
    return Recipe(request=request, row=0, seed=1, model_id="icons", timings=timings)


def test_there_is_no_estimate_without_results() -> None:
    known = Estimator([took(2.0, steps=10)])
    assert known.seconds(TextRequest(prompt="hello")) is None
    assert known.seconds(ImageRequest(prompt="a", model="another")) is None
    assert known.batch_seconds([ImageRequest(prompt="a", model="another")]) is None


def test_time_grows_with_pixels_steps_and_count() -> None:
    known = Estimator([took(2.0, steps=10), took(2.0, steps=10), took(8.0, steps=10)])
    same = ImageRequest(prompt="a", model="icons", width=512, height=512, steps=10)
    larger = ImageRequest(prompt="a", model="icons", width=1024, height=512, steps=20, count=3)
    assert known.seconds(same) == pytest.approx(2.0)
    assert known.seconds(larger) == pytest.approx(24.0)
    assert known.batch_seconds([same, larger]) == pytest.approx(26.0)


def test_only_results_with_the_same_settings_count_where_there_are_some() -> None:
    known = Estimator([took(2.0, steps=10), took(9.0, steps=20), took(2.0, steps=10)])
    wanted = ImageRequest(prompt="a", model="icons", width=512, height=512, steps=20)
    assert known.seconds(wanted) == pytest.approx(9.0)


def test_unset_fields_are_taken_from_the_newest_result() -> None:
    known = Estimator([took(2.0, steps=10), took(9.0, steps=20)])
    assert known.seconds(ImageRequest(prompt="a")) == pytest.approx(2.0)


def test_times_are_learned_for_each_device() -> None:
    wanted = ImageRequest(prompt="a", model="icons", width=512, height=512, steps=10)
    recipes = [
        msgspec.structs.replace(took(seconds, steps=10), device=device)
        for seconds, device in ((2.0, "cuda (a GPU)"), (60.0, "cpu"), (2.2, "cuda"))
    ]
    newest = Estimator(recipes)
    assert newest.device == "cuda"
    assert newest.seconds(wanted) == pytest.approx(2.1)
    assert Estimator(recipes, device="cpu").seconds(wanted) == pytest.approx(60.0)
    assert Estimator(recipes, device="cuda:1").seconds(wanted) is None


def test_peak_memory_is_learned_for_each_device() -> None:
    wanted = ImageRequest(prompt="a", model="icons", width=512, height=512, steps=10)
    taken = msgspec.structs.replace(took(2.0, steps=10), device="cuda", stats={"peak_memory": 5e8})
    assert len(Estimator([taken]).peaks(wanted)) == 1
    assert Estimator([taken], device="cpu").peaks(wanted) == []


def test_the_queue_is_estimated_from_the_library(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    try:
        assert queue_seconds(library, build_estimator(library)) == 0.0
        library.queue.enqueue([TextRequest(prompt="hello")])
        assert queue_seconds(library, build_estimator(library)) is None
        known = Estimator(
            [
                Recipe(
                    request=TextRequest(prompt="earlier"),
                    row=0,
                    seed=1,
                    model_id="m",
                    timings={"generate": 3.0},
                )
            ]
        )
        assert queue_seconds(library, known) == pytest.approx(3.0)
    finally:
        library.close()


def test_the_time_of_day_wraps_at_midnight() -> None:
    assert finished_at(4 * 3600, datetime(2026, 1, 1, 23, 40)) == "03:40"


# ---- text: rows of one batch share their time

LOAD = 8.3


def answers(
    job: str,
    rows: int,
    created: str,
    seconds: float,
    *,
    tokens: int = 96,
    limit: int = 96,
    shares: bool = True,
) -> list[Recipe]:
    """Return the recipes of one batch as the engine writes them.

    Each row has its share of the batch's time; in older recipes it had all of it.
    """
    return [
        Recipe(
            request=TextRequest(prompt="a fox", model="m", max_tokens=limit),
            row=row,
            seed=row,
            job=job,
            created=created,
            model_id="m",
            timings={"load": LOAD, "generate": seconds / rows if shares else seconds},
            stats={
                "tokens_per_second": tokens / seconds,
                "tokens": float(tokens),
                "prompt_tokens": 36.0,
                "time_to_first_token": 1.5,
                "reached_limit": float(tokens == limit),
            },
        )
        for row in range(rows)
    ]


def text(count: int = 1, limit: int = 96) -> TextRequest:
    return TextRequest(prompt="another", model="m", count=count, max_tokens=limit)


FOUR = answers("four", 4, "2026-11-24T12:19:51+00:00", 25.4)
ONE = answers("one", 1, "2026-11-24T12:20:27+00:00", 21.1)


@pytest.mark.parametrize("shares", [True, False])
def test_times_of_variations_in_one_batch_are_not_added_up(shares: bool) -> None:
    four = answers("four", 4, "2026-11-24T12:19:51+00:00", 25.4, shares=shares)
    known = Estimator([*ONE, *four])
    assert known.seconds(text(4)) == pytest.approx(25.4 + 1.5)
    assert known.seconds(text(1)) == pytest.approx(21.1 + 1.5)
    assert 21.1 < (known.seconds(text(2)) or 0) < 26.9


def test_a_larger_batch_takes_longer_but_less_than_proportionally() -> None:
    eight = Estimator(FOUR).seconds(text(8)) or 0
    assert 25.4 * 1.2 < eight < 25.4 * 2


def test_rows_beyond_one_batch_are_estimated_as_several_batches() -> None:
    first = answers("many", 32, "2026-11-24T12:20:43+00:00", 8.2, tokens=24, limit=24)
    rest = answers("many", 8, "2026-11-24T12:20:49+00:00", 5.9, tokens=24, limit=24)
    known = Estimator([*rest, *first])
    assert known.seconds(text(40, 24)) == pytest.approx(8.2 + 5.9 + 1.5)
    assert known.seconds(text(64, 24)) == pytest.approx(2 * 8.2 + 1.5)


def test_rows_of_jobs_generated_together_share_their_time() -> None:
    at = "2026-11-24T12:19:51+00:00"
    together = [
        msgspec.structs.replace(recipe, job=job, row=0)
        for job, recipe in zip("abcd", answers("", 4, at, 25.4), strict=True)
    ]
    assert Estimator(together).seconds(text(4)) == pytest.approx(25.4 + 1.5)
    assert Estimator(together[:2]).seconds(text(4)) == pytest.approx(25.4 + 1.5)


def test_a_higher_token_limit_does_not_lengthen_answers_that_ended_before_it() -> None:
    ended = answers("e", 1, "2026-11-24T12:20:27+00:00", 10.0, tokens=50, limit=96)
    cut = answers("c", 1, "2026-11-24T12:20:27+00:00", 10.0, tokens=50, limit=50)
    assert Estimator(ended).seconds(text(1, 500)) == pytest.approx(10.0 + 1.5)
    assert Estimator(cut).seconds(text(1, 500)) == pytest.approx(100.0 + 1.5)
    assert Estimator(ended).seconds(text(1, 25)) == pytest.approx(5.0 + 1.5)


# ---- unset fields


def test_a_request_without_a_model_is_estimated_by_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "starter"))
    write_llama(tmp_path / "home" / "models" / "m")
    write_pipeline(tmp_path / "home" / "models" / "icons")
    registry = Registry(default_paths())
    drawn = registry.resolve(ModelNeed("image", ""))
    can = Capabilities(controls=(), width=512, height=512, steps=10)
    registry.remember_capabilities(drawn, can)
    known = Estimator([*ONE, took(2.0, steps=10), took(9.0, steps=40)], Defaults(registry).complete)
    assert known.seconds(TextRequest(prompt="x", max_tokens=96)) == pytest.approx(21.1 + 1.5)
    assert known.seconds(ImageRequest(prompt="x")) == pytest.approx(2.0)


def test_the_time_of_upscaling_grows_with_the_pixels_of_the_picture(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png_bytes((160, 160)))
    before = Recipe(
        request=UpscaleRequest(input=InputFile("gone.png"), model="dat"),
        row=0,
        seed=0,
        model_id="dat",
        timings={"read": 0.1, "load": 3.0, "enlarge": 7.3, "write": 0.1},
        stats={"width": 640.0, "height": 640.0},
    )
    known = Estimator([before], pixels=picture_pixels)
    wanted = UpscaleRequest(input=InputFile(str(tmp_path / "in.png")), model="dat")
    assert known.seconds(wanted) == pytest.approx(7.5 / 4)
    unseen = UpscaleRequest(input=InputFile("gone.png"), model="dat")
    assert known.seconds(unseen) == pytest.approx(7.5)


# ---- the queue


def test_the_remaining_time_of_the_queue_follows_the_library(library: Library) -> None:
    known = Estimator([took(2.0, steps=10)])
    fields: dict[str, Any] = {"width": 512, "height": 512, "steps": 10, "model": "icons"}
    backlog = Backlog(library)
    assert backlog.remaining(known) == RemainingTime()
    first, second = enqueue(library, **fields), enqueue(library, count=4, **fields)
    enqueue(library, model="never used")
    assert backlog.remaining(known) == RemainingTime(10.0, 1, {})
    library.queue.start(first)
    assert backlog.remaining(known) == RemainingTime(8.0, 1, {first.id: 2.0})
    library.queue.finish(first.id, "failed", Problem("bug", sentence("x")))
    library.queue.cancel_waiting([second.id])
    assert backlog.remaining(known) == RemainingTime(0.0, 1, {})
    library.queue.restore_cancelled([second.id])
    assert backlog.remaining(known) == RemainingTime(8.0, 1, {})


def test_waiting_jobs_that_will_run_together_share_their_time(library: Library) -> None:
    known = Estimator([*ONE, *FOUR])
    library.queue.enqueue([text() for _ in range(4)], batch="night")
    assert Backlog(library).remaining(known).waiting == pytest.approx(25.4 + 1.5)
    library.queue.cancel_waiting()
    library.queue.enqueue([text() for _ in range(4)])
    assert Backlog(library).remaining(known).waiting == pytest.approx(4 * (21.1 + 1.5))


def test_ten_thousand_waiting_jobs_are_estimated_at_once(library: Library) -> None:
    library.queue.enqueue([text(32, 24) for _ in range(10_000)], batch="night")
    full = answers("full", 32, "2026-11-24T12:20:43+00:00", 8.2, tokens=24, limit=24)
    left = Backlog(library).remaining(Estimator(full))
    assert left.waiting == pytest.approx(10_000 * (8.2 + 1.5))


def test_the_models_of_many_similar_requests_are_looked_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "starter"))
    registry = Registry(default_paths())
    resolved: list[Request] = []
    resolve_all = registry.resolve_all

    def counted(request: Request) -> tuple[ModelRef, ...]:
        resolved.append(request)
        return resolve_all(request)

    monkeypatch.setattr(registry, "resolve_all", counted)
    complete = Defaults(registry).complete
    for number in range(20):
        complete(UpscaleRequest(input=InputFile(f"{number}.png"), scale=2))
        complete(ImageRequest(prompt="x", steps=number + 1, width=64 * (number + 1)))
    assert len(resolved) == 2
