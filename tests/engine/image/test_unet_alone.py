"""The U-Net of Stable Diffusion alone in a file is completed with encoders and VAE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from studio.models.identify import describe_path
from studio.protocol import ModelRef, ProblemError
from tests.engine.image.adapter_files import lora_of
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench, picture_file
from tests.engine.image.single_file_checkpoint import unet_tensors
from tests.engine.image.test_conformance import file_of
from tests.engine.image.test_single_file import sd1, sd2, sdxl

pytestmark = [IGNORE_LIBRARIES, pytest.mark.filterwarnings("ignore:Already found a `peft_config`")]

UNET = "model.diffusion_model."


def unet_file(pipeline: Any, path: Path, prefix: str = "") -> ModelRef:
    tensors = unet_tensors(pipeline.unet)
    save_file({prefix + name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return describe_path(path)


def folder_of(pipeline: Any, folder: Path) -> ModelRef:
    pipeline.save_pretrained(folder)
    return ModelRef(id="whole", name="W", task="image", format="diffusers", path=str(folder))


@pytest.mark.parametrize(("make", "prefix"), [(sd1, ""), (sd2, ""), (sdxl, UNET)])
def test_it_draws_the_picture_of_its_folder_with_a_start_picture_and_a_lora_too(
    make: Any, prefix: str, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = make(tmp_path)
    whole = folder_of(pipeline, tmp_path / "folder")
    ref = unet_file(pipeline, tmp_path / "unet.safetensors", prefix)
    assert (ref.role, ref.is_companion) == ("denoiser", False)
    assert ref.family == type(pipeline).__name__
    folder, alone, parts = Path(whole.path), Path(ref.path), [whole]
    given: dict[str, Any] = {"steps": 2, "negative_prompt": "dog"}

    expected = bench.draw(folder, **given).picture(0)
    before = bench.draw(alone, companions=parts, **given).picture(0)
    assert np.abs(before - expected).max() <= 1

    start = picture_file(tmp_path)
    expected = bench.draw(folder, start=start, **given).picture(0)
    drawn = bench.draw(alone, start=start, companions=parts, **given).picture(0)
    assert np.abs(drawn - expected).max() <= 1

    lora = lora_of("unet", pipeline.unet, tmp_path / "lora.safetensors")
    drawn = bench.draw(alone, adapters=[(lora, 1.0)], companions=parts, **given).picture(0)
    off = bench.draw(alone, companions=parts, **given).picture(0)
    assert np.abs(drawn - before).mean() > 0.3
    assert np.array_equal(off, before)


@pytest.mark.parametrize("make", [sd1, sdxl])
def test_it_draws_with_encoders_and_vae_in_single_files(
    make: Any, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = make(tmp_path)
    whole = folder_of(pipeline, tmp_path / "folder")
    ref = unet_file(pipeline, tmp_path / "unet.safetensors")
    companions = [
        file_of(network, tmp_path / f"{name}.safetensors")
        for name, network in pipeline.components.items()
        if isinstance(network, torch.nn.Module) and name != "unet"
    ]
    expected = bench.draw(Path(whole.path), steps=2).picture(0)
    drawn = bench.draw(Path(ref.path), steps=2, companions=companions).picture(0)
    assert np.abs(drawn - expected).max() <= 1


def test_what_is_missing_is_named(bench: ImageBench, tmp_path: Path) -> None:
    ref = unet_file(sdxl(tmp_path), tmp_path / "unet.safetensors")
    with pytest.raises(ProblemError) as caught:
        bench.draw(Path(ref.path))
    assert caught.value.problem.kind == "model_missing"
    assert "CLIP (64), CLIP (128), VAE" in str(caught.value)


def test_the_base_of_2_predicts_noise_and_the_others_velocity(
    bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = sd2(tmp_path)
    whole = folder_of(pipeline, tmp_path / "folder")
    found = {}
    for name in ("v2-1_768", "v2-1_512-base"):
        ref = unet_file(pipeline, tmp_path / f"{name}.safetensors")
        loaded = bench.loaded(Path(ref.path), [whole]).pipeline
        found[name] = loaded.scheduler.config.prediction_type
    assert found == {"v2-1_768": "v_prediction", "v2-1_512-base": "epsilon"}
