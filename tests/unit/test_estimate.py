"""Estimates learned from finished results."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from studio.jobs.estimate import Estimator, finished_at, learn, waiting_seconds
from studio.library.store import Library
from studio.protocol import ImageRequest, Recipe, TextRequest


def took(seconds: float, **fields: int) -> Recipe:
    request = ImageRequest(prompt="a cat", width=512, height=512, **fields)  # type: ignore[arg-type]  # steps only
    timings = {"load": 100.0, "denoise": seconds}
    return Recipe(request=request, row=0, seed=1, model_id="icons", timings=timings)


def test_nothing_is_said_while_nothing_is_known() -> None:
    known = Estimator([took(2.0, steps=10)])
    assert known.seconds(TextRequest(prompt="hello")) is None
    assert known.seconds(ImageRequest(prompt="a", model="another")) is None
    assert known.total([ImageRequest(prompt="a", model="another")]) is None


def test_time_grows_with_pixels_steps_and_count() -> None:
    known = Estimator([took(2.0, steps=10), took(2.0, steps=10), took(8.0, steps=10)])
    same = ImageRequest(prompt="a", model="icons", width=512, height=512, steps=10)
    larger = ImageRequest(prompt="a", model="icons", width=1024, height=512, steps=20, count=3)
    assert known.seconds(same) == pytest.approx(2.0)
    assert known.seconds(larger) == pytest.approx(24.0)
    assert known.total([same, larger]) == pytest.approx(26.0)


def test_results_with_the_same_settings_count_alone() -> None:
    known = Estimator([took(2.0, steps=10), took(9.0, steps=20), took(2.0, steps=10)])
    wanted = ImageRequest(prompt="a", model="icons", width=512, height=512, steps=20)
    assert known.seconds(wanted) == pytest.approx(9.0)


def test_what_is_not_given_is_taken_from_the_newest_result() -> None:
    known = Estimator([took(2.0, steps=10), took(9.0, steps=20)])
    assert known.seconds(ImageRequest(prompt="a")) == pytest.approx(2.0)


def test_the_queue_is_estimated_from_the_library(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    try:
        assert waiting_seconds(library, learn(library)) == 0.0
        library.enqueue([TextRequest(prompt="hello")])
        assert waiting_seconds(library, learn(library)) is None
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
        assert waiting_seconds(library, known) == pytest.approx(3.0)
    finally:
        library.close()


def test_the_time_of_day_goes_past_midnight() -> None:
    assert finished_at(4 * 3600, datetime(2026, 1, 1, 23, 40)) == "03:40"
