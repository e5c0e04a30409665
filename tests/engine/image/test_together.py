"""Image jobs with different prompts in one call: the same results as alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from studio.engine.tasks.image.draw.prompts import CannotBatchError, _merge
from studio.protocol import AssetReady, Cancelled, Done, Event, Failed, InputFile, Progress
from studio.settings import default_paths
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench, asked
from tests.engine.tiny_pipelines import FAMILIES

pytestmark = IGNORE_LIBRARIES


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_together_equal_those_alone(family: str, bench: ImageBench) -> None:
    requests: list[dict[str, Any]] = [
        {"prompt": "a red cat", "seed": 3},
        {"prompt": "a very long green dog with a hat", "seed": 3, "count": 2},
        {"prompt": "x", "seed": 9},
    ]
    together = bench.draw_together(family, requests)
    for request, outcome in zip(requests, together.values(), strict=True):
        rows = tuple(range(request.get("count", 1)))
        alone = bench.draw(family, rows=rows, **request)
        assert [asset.row for asset in outcome.assets] == list(rows)
        assert isinstance(outcome.events[-1], Done)
        for row in rows:
            assert np.abs(outcome.picture(row) - alone.picture(row)).max() <= 2
            recipe = outcome.assets[row].recipe
            assert asked(recipe).prompt == request["prompt"]
            assert recipe.request == alone.assets[row].recipe.request
            assert recipe.stats["images_at_once"] == 4
    # The tiny pixel model ignores its prompt; the starter model is of that family.
    blind = np.array_equal(together["0"].picture(0), together["1"].picture(0))
    assert blind == (family == "prxpixel")


def test_icons_together_equal_those_alone(bench: ImageBench) -> None:
    model = default_paths().starter / "starter-icons"
    assert model.is_dir(), "The starter models are missing: run `make test`."
    how: dict[str, Any] = {"steps": 4, "width": 128, "height": 128, "seed": 3}
    requests = [{"prompt": prompt, **how} for prompt in ("a red apple, 3d style", "house")]
    together = bench.draw_together(model, requests)
    alone = bench.draw(model, **requests[0])
    assert np.abs(together["0"].picture(0) - alone.picture(0)).max() <= 2
    assert np.abs(together["0"].picture(0) - together["1"].picture(0)).mean() > 5


def test_a_refused_job_leaves_the_others(bench: ImageBench) -> None:
    requests: list[dict[str, Any]] = [{"prompt": prompt, "seed": 1} for prompt in "xyz"]
    requests[1]["mask"] = InputFile("a mask without a picture")
    ends = [type(o.events[-1]) for o in bench.draw_together("sd", requests).values()]
    assert ends == [Done, Failed, Done]


def test_a_cancelled_part_ends_at_once_and_the_others_continue(bench: ImageBench) -> None:
    requests = [{"prompt": prompt, "seed": 1} for prompt in ("a cat", "a house", "a dog")]

    def first_step(event: Event) -> bool:
        return isinstance(event, Progress)

    together = bench.draw_together("sd", requests, cancel="1", at=first_step)
    assert isinstance(together["1"].events[-1], Cancelled)
    assert not together["1"].of(AssetReady)
    assert [len(together[number].assets) for number in ("0", "2")] == [1, 1]


def test_states_of_different_lengths_are_not_batched() -> None:
    import torch

    assert _merge([(torch.ones(1, 3), None), (torch.zeros(1, 3), None)])[0].shape == (2, 3)
    with pytest.raises(CannotBatchError):
        _merge([(torch.ones(1, 3),), (torch.ones(1, 4),)])
