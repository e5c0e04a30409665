"""Every family of pipeline: described, batched, cancelled, started from a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine.tasks.image.draw.latents import as_pixels, encode
from studio.engine.tasks.image.model.describe import describe
from tests.engine.image.image_bench import IGNORE_LIBRARIES, SIDE, ImageBench, asked, picture_file
from tests.engine.tiny_pipelines import FAMILIES

pytestmark = IGNORE_LIBRARIES

WITH_ADAPTERS = {"sd", "sdxl", "sd3", "flux", "sana"}

ALL = {"prompt", "seed", "count", "width", "height", "steps", "scheduler"}
ALL |= {"image", "strength", "mask"}

CONTROLS = {
    family: ALL | {"negative_prompt", "guidance_scale"} for family in FAMILIES if family != "flux"
} | {"flux": ALL | {"guidance_scale"}}

FLOW = {"sd3", "flux", "sana", "prxpixel"}

MULTIPLE = {"sd": 2, "sdxl": 2, "sd3": 4, "flux": 4, "pixart": 4, "sana": 2, "prxpixel": 16}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_description_names_the_controls_that_have_an_effect(
    family: str, bench: ImageBench
) -> None:
    can = describe(bench.model(family))

    adapters = {"adapters"} if family in WITH_ADAPTERS else set()
    assert set(can.controls) == CONTROLS[family] | adapters
    assert can.multiple == MULTIPLE[family]
    assert can.width % can.multiple == 0 and can.height % can.multiple == 0
    assert can.scheduler in can.schedulers
    assert ("DDIMScheduler" in can.schedulers) == (family not in FLOW)
    assert ("FlowMatchEulerDiscreteScheduler" in can.schedulers) == (family in FLOW)


def test_a_distilled_model_has_no_guidance_scale(bench: ImageBench) -> None:
    folder = bench.copy_of("flux")
    config = folder / "transformer" / "config.json"
    config.write_text(
        config.read_text().replace('"guidance_embeds": true', '"guidance_embeds": false')
    )

    can = describe(bench.model(folder))

    assert "guidance_scale" not in can.controls
    assert can.guidance_scale is None


@pytest.mark.parametrize("family", FAMILIES)
def test_a_variation_is_the_same_alone_and_in_a_batch(family: str, bench: ImageBench) -> None:
    together = bench.draw(family, rows=(0, 1, 2))
    alone = bench.draw(family, rows=(2,))

    assert [asset.row for asset in together.assets] == [0, 1, 2]
    assert np.abs(together.picture(2) - alone.picture(2)).max() <= 2
    assert np.abs(together.picture(0) - together.picture(2)).mean() > 2
    assert together.warnings == []
    assert together.progress[-1].step == together.progress[-1].steps == 9
    recipe = together.assets[2].recipe
    request = asked(recipe)
    assert (recipe.seed, request.seed, request.count) == (42, 42, 1)
    assert (request.width, request.height, request.steps) == (SIDE, SIDE, 3)
    assert request.scheduler and recipe.model_sha256


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cancelled_job_does_not_affect_the_next_picture(family: str, bench: ImageBench) -> None:
    before = bench.draw(family)

    bench.draw_and_cancel(family, rows=(0, 1, 2))
    after = bench.draw(family)

    assert np.array_equal(before.picture(0), after.picture(0))


def test_a_cancelled_job_leaves_no_cached_step(bench: ImageBench) -> None:
    from diffusers import FirstBlockCacheConfig

    transformer = bench.loaded("flux").pipeline.transformer
    expected = bench.draw("flux", seed=7, steps=1)
    # With this threshold any cached step would replace the next one.
    transformer.enable_cache(FirstBlockCacheConfig(threshold=1e9))

    bench.draw_and_cancel("flux", seed=9)
    after = bench.draw("flux", seed=7, steps=1)

    assert np.array_equal(after.picture(0), expected.picture(0))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_start_picture_shapes_the_result(family: str, bench: ImageBench) -> None:
    start = picture_file(bench.folder)
    other = bench.folder / "other.png"
    Image.new("RGB", (SIDE, SIDE), "navy").save(other)

    both = bench.draw(family, rows=(0, 1), start=start, strength=0.5, steps=4)
    alone = bench.draw(family, rows=(1,), start=start, strength=0.5, steps=4)
    different = bench.draw(family, rows=(1,), start=other, strength=0.5, steps=4)

    assert np.abs(both.picture(1) - alone.picture(1)).max() <= 2
    assert np.abs(different.picture(1) - alone.picture(1)).mean() > 0.1
    recipe = alone.assets[0].recipe
    assert recipe.parents[0].path == str(start)
    assert alone.progress[-1].steps == 2


@pytest.mark.parametrize("family", ["pixart", "sana", "prxpixel"])
@pytest.mark.parametrize("scheduler", ["", "DPMSolverMultistepScheduler"])
def test_img2img_without_a_pipeline_of_its_own_starts_from_the_picture(
    family: str, scheduler: str, bench: ImageBench
) -> None:
    first = picture_file(bench.folder)
    second = bench.folder / "second.png"
    Image.open(first).transpose(Image.Transpose.ROTATE_90).save(second)
    pipeline = bench.loaded(family).pipeline
    clean = [encode(pipeline, as_pixels(Image.open(path)))[0] for path in (first, second)]
    clean_change = (clean[0] - clean[1]).flatten()
    seen: list[torch.Tensor] = []

    def look(_: object, args: tuple[torch.Tensor, ...], kwargs: dict[str, torch.Tensor]) -> None:
        seen.append(kwargs["hidden_states"] if "hidden_states" in kwargs else args[0])

    share: dict[float, float] = {}
    hook = pipeline.transformer.register_forward_pre_hook(look, with_kwargs=True)
    for strength in (0.2, 0.9):
        begun: list[torch.Tensor] = []
        for start in (first, second):
            seen.clear()
            bench.draw(family, start=start, strength=strength, steps=10, scheduler=scheduler)
            begun.append(seen[0][-1].float())
        # The noise is the same in both, so differences come from the pictures alone.
        change = (begun[0] - begun[1]).flatten()
        assert torch.corrcoef(torch.stack([clean_change, change]))[0, 1] > 0.999
        share[strength] = float(change.norm() / clean_change.norm())
    hook.remove()

    assert 0.5 < share[0.2] <= 1.0
    assert share[0.9] < share[0.2] - 0.2


@pytest.mark.parametrize("family", ["sd", "flux", "sana", "prxpixel"])
def test_every_offered_scheduler_works(family: str, bench: ImageBench) -> None:
    can = bench.loaded(family).capabilities

    for scheduler in can.schedulers:
        together = bench.draw(family, rows=(0, 1), steps=3, scheduler=scheduler)
        alone = bench.draw(family, rows=(1,), steps=3, scheduler=scheduler)
        assert asked(together.assets[0].recipe).scheduler == scheduler
        assert together.warnings == [], scheduler
        assert np.abs(together.picture(1) - alone.picture(1)).max() <= 3, scheduler


@pytest.mark.parametrize("family", ["sd", "flux", "sana", "prxpixel"])
def test_each_picture_has_previews(
    family: str, bench: ImageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.engine.tasks.image.draw.progress._MIN_INTERVAL", 0)

    outcome = bench.draw(family, rows=(0, 1))

    assert {preview.row for preview in outcome.previews} == {0, 1}
    for preview in outcome.previews:
        with Image.open(outcome.path(preview)) as image:
            assert image.mode == "RGB" and max(image.size) <= 256


@pytest.mark.parametrize("family", ["sd", "sd3", "prxpixel"])
def test_half_precision_gives_nearly_the_same_picture(family: str, bench: ImageBench) -> None:
    full = bench.draw(family)
    bench.dtype = torch.bfloat16
    half = bench.draw(family)

    assert half.assets[0].recipe.dtype == "bfloat16"
    assert np.abs(half.picture(0) - full.picture(0)).mean() < 12


def test_a_changed_file_is_reloaded(bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    first = bench.draw(folder)
    config = folder / "model_index.json"
    config.write_text(config.read_text().replace('"noise_scale": 1.0', '"noise_scale": 2.0'))

    second = bench.draw(folder)

    assert not np.array_equal(first.picture(0), second.picture(0))
