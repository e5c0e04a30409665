"""LoRAs and embeddings change pictures, and leave nothing behind when they are taken off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from studio.protocol import ProblemError
from tests.engine.image.adapter_files import embedding_file, kohya_file, lora_file
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench, asked, picture_file

pytestmark = [IGNORE_LIBRARIES, pytest.mark.filterwarnings("ignore:Already found a `peft_config`")]

FAMILIES = ("sd", "sd2", "sdxl", "sd3", "flux", "sana")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lora_changes_the_picture_and_back_bit_for_bit(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    lora = lora_file(tmp_path, family)
    before = bench.draw(family).picture(0)
    network = bench.loaded(family)

    drawn = bench.draw(family, adapters=[(lora, 1.0)])
    off = bench.draw(family).picture(0)
    again = bench.draw(family, adapters=[(lora, 1.0)]).picture(0)

    assert np.abs(drawn.picture(0) - before).mean() > 1
    assert np.array_equal(off, before)
    assert np.array_equal(again, drawn.picture(0))
    assert bench.loaded(family) is network, "the base was loaded again"
    recipe = drawn.assets[0].recipe
    (used,) = recipe.extra_models
    assert (used.id, used.role, len(used.sha256)) == (lora.id, "lora", 64)
    assert asked(recipe).adapters[0].model == lora.id


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lora_works_with_a_start_picture(family: str, bench: ImageBench, tmp_path: Path) -> None:
    lora = lora_file(tmp_path, family)
    start = picture_file(tmp_path)
    before = bench.draw(family, start=start).picture(0)
    drawn = bench.draw(family, start=start, adapters=[(lora, 1.0)]).picture(0)
    off = bench.draw(family, start=start).picture(0)
    assert np.abs(drawn - before).mean() > 0.5
    assert np.array_equal(off, before)


def test_a_picture_with_a_lora_is_the_same_alone_and_in_a_batch(
    bench: ImageBench, tmp_path: Path
) -> None:
    lora = lora_file(tmp_path, "sd")
    together = bench.draw("sd", rows=(0, 1, 2), adapters=[(lora, 0.8)])
    alone = bench.draw("sd", rows=(2,), adapters=[(lora, 0.8)])
    assert np.abs(together.picture(2) - alone.picture(2)).max() <= 2


def test_a_lora_of_kohya_has_the_same_effect_as_one_of_diffusers(
    bench: ImageBench, tmp_path: Path
) -> None:
    first = bench.draw("sd", adapters=[(lora_file(tmp_path, "sd"), 1.0)]).picture(0)
    second = bench.draw("sd", adapters=[(kohya_file(tmp_path, "sd"), 1.0)]).picture(0)
    assert np.abs(first - second).max() <= 1


def test_weights_and_several_loras_are_combined(bench: ImageBench, tmp_path: Path) -> None:
    one, two = lora_file(tmp_path, "sd", 1), lora_file(tmp_path, "sd", 2)
    plain = bench.draw("sd").picture(0)
    first = bench.draw("sd", adapters=[(one, 1.0)]).picture(0)
    weak = bench.draw("sd", adapters=[(one, 0.1)]).picture(0)
    both = bench.draw("sd", adapters=[(one, 1.0), (two, 1.0)]).picture(0)
    second = bench.draw("sd", adapters=[(two, 1.0)]).picture(0)
    none = bench.draw("sd", adapters=[(one, 0.0)]).picture(0)
    assert np.abs(weak - plain).mean() < np.abs(first - plain).mean()
    assert np.abs(both - first).mean() > 0.5
    assert np.abs(second - first).mean() > 0.5
    assert np.abs(none - plain).max() <= 1


def test_an_embedding_changes_the_picture_where_its_word_is_used(
    bench: ImageBench, tmp_path: Path
) -> None:
    embedding = embedding_file(tmp_path)
    prompt = "a red zkfox"
    plain = bench.draw("sd").picture(0)
    before = bench.draw("sd", prompt=prompt).picture(0)
    drawn = bench.draw("sd", prompt=prompt, adapters=[(embedding, 1.0)]).picture(0)
    off = bench.draw("sd", prompt=prompt).picture(0)
    assert not np.array_equal(drawn, before)
    assert np.array_equal(off, before)
    assert np.array_equal(bench.draw("sd").picture(0), plain)


def test_a_lora_with_the_shapes_of_another_model_is_refused_and_leaves_nothing(
    bench: ImageBench, tmp_path: Path
) -> None:
    before = bench.draw("sd").picture(0)
    lora = lora_file(tmp_path, "sd")
    wider = {name: tensor.repeat(2, 2) for name, tensor in load_file(lora.path).items()}
    save_file(wider, lora.path)
    with pytest.raises(ProblemError) as caught:
        bench.draw("sd", adapters=[(lora, 1.0)])
    assert caught.value.problem.kind == "bad_input"
    assert np.array_equal(bench.draw("sd").picture(0), before)


@pytest.mark.parametrize("family", ["pixart", "prxpixel"])
def test_a_pipeline_without_adapters_says_so(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    lora = lora_file(tmp_path, "sd")
    with pytest.raises(ProblemError) as caught:
        bench.draw(family, adapters=[(lora, 1.0)])
    assert "support no additions" in str(caught.value.problem.message)
