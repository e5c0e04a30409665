"""The recipe of a picture has its peak memory, from which the window estimates."""

from __future__ import annotations

from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench

pytestmark = IGNORE_LIBRARIES


def test_the_recipe_of_a_picture_has_its_peak_memory(bench: ImageBench) -> None:
    (asset,) = bench.draw("sd", steps=1).assets

    # It may be nothing where memory of an earlier test is used again.
    assert 0 <= asset.recipe.stats["peak_memory"] < 1e9
    assert "device_memory" not in asset.recipe.stats
