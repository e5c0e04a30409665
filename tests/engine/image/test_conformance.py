"""Every family loads in every form that it is published in, and gives the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from studio.models.identify import describe_path
from studio.protocol import ModelRef, ProblemError
from tests.engine import tiny_pipelines
from tests.engine.image.author_layout import write_denoiser
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench

pytestmark = [IGNORE_LIBRARIES]

TRANSFORMERS = ("sd3", "flux", "flux2_klein", "z_image", "qwen_image", "pixart", "sana")


def folder_ref(family: str) -> ModelRef:
    folder = tiny_pipelines.folder_of(family)
    return ModelRef(id=family, name=family, task="image", format="diffusers", path=str(folder))


def denoiser_file(folder: Path, family: str, prefix: str = "") -> Path:
    return write_denoiser(tiny_pipelines.build(family), folder / f"{family}.safetensors", prefix)


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_a_denoiser_alone_draws_the_picture_of_its_folder(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    expected = bench.draw(family).picture(0)
    file = denoiser_file(tmp_path, family, "model.diffusion_model." if family == "flux" else "")

    drawn = bench.draw(file, companions=[folder_ref(family)])

    assert np.abs(drawn.picture(0) - expected).max() <= 1
    (used,) = drawn.assets[0].recipe.extra_models
    assert used.id == family


def test_a_denoiser_without_its_parts_names_them(bench: ImageBench, tmp_path: Path) -> None:
    file = denoiser_file(tmp_path, "z_image")
    with pytest.raises(ProblemError) as caught:
        bench.draw(file)
    assert caught.value.problem.kind == "model_missing"
    assert "Qwen3 (16), VAE" in str(caught.value)
    assert "Tongyi-MAI/Z-Image-Turbo" in str(caught.value)


def with_own_vocabularies(family: str) -> Any:
    """Return a tiny pipeline whose encoders have the vocabularies that the app comes with."""
    pipeline = tiny_pipelines.build(family)
    torch.manual_seed(5)
    ids = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    for name, network in list(pipeline.components.items()):
        kind = type(network).__name__
        if kind == "AutoencoderKL":
            values = ("scaling_factor", "shift_factor", "use_quant_conv", "use_post_quant_conv")
            new = tiny_pipelines.kl_vae(
                block_out_channels=[32, 32],
                norm_num_groups=32,
                **{value: network.config[value] for value in values},
            )
        elif kind.startswith("CLIPText"):
            act = "gelu" if name == "text_encoder_2" else "quick_gelu"
            new = tiny_pipelines.clip_text(
                network.config.hidden_size,
                "Projection" in kind,
                vocab_size=49408,
                hidden_act=act,
                num_attention_heads=max(1, network.config.hidden_size // 64),
                **ids,
            )
        elif kind == "T5EncoderModel":
            new = tiny_pipelines.t5_text(network.config.d_model, vocab_size=32128)
        else:
            continue
        pipeline.register_modules(**{name: new})
    return pipeline


def published(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a network under the names of published files."""
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state.pop("encoder.embed_tokens.weight", None)
    if type(network).__name__.startswith("CLIPText"):
        outer = ("text_model.", "text_projection.")
        return {n if n.startswith(outer) else f"text_model.{n}": t for n, t in state.items()}
    return state


def file_of(network: torch.nn.Module, path: Path) -> ModelRef:
    save_file(published(network), path)
    return describe_path(path)


@pytest.mark.parametrize("family", ["flux", "pixart"])
def test_a_denoiser_draws_with_encoders_and_vae_in_single_files(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = with_own_vocabularies(family)
    file = write_denoiser(pipeline, tmp_path / "denoiser.safetensors")
    companions = [
        file_of(network, tmp_path / f"{name}.safetensors")
        for name, network in pipeline.components.items()
        if isinstance(network, torch.nn.Module) and name != "transformer"
    ]
    assert {ref.role for ref in companions} == {"text_encoder", "vae"}

    drawn = bench.draw(file, companions=companions)

    loaded = bench.loaded(file, companions).pipeline
    for name, network in pipeline.components.items():
        if isinstance(network, torch.nn.Module):
            expected = dict(network.state_dict())
            for key, tensor in loaded.components[name].state_dict().items():
                assert torch.equal(tensor, expected[key]), f"{name} {key}"
    used = drawn.assets[0].recipe.extra_models
    assert {each.id for each in used} == {ref.id for ref in companions}


def test_a_file_with_everything_in_it_draws_alone(bench: ImageBench, tmp_path: Path) -> None:
    pipeline = with_own_vocabularies("sd3")
    file = write_denoiser(
        pipeline,
        tmp_path / "sd3.safetensors",
        "model.diffusion_model.",
        first_stage_model__=published(pipeline.vae),
        text_encoders__clip_l__transformer__=published(pipeline.text_encoder),
        text_encoders__clip_g__transformer__=published(pipeline.text_encoder_2),
        text_encoders__t5xxl__transformer__=published(pipeline.text_encoder_3),
    )
    ref = describe_path(file)
    assert (ref.role, ref.format, ref.family) == ("base", "single_file", "StableDiffusion3Pipeline")
    assert bench.draw(file).assets
    with_t5 = bench.loaded(file).pipeline
    assert torch.equal(with_t5.text_encoder_3.shared.weight, pipeline.text_encoder_3.shared.weight)


def test_sd3_draws_without_t5(bench: ImageBench, tmp_path: Path) -> None:
    pipeline = with_own_vocabularies("sd3")
    file = write_denoiser(
        pipeline,
        tmp_path / "sd3.safetensors",
        "model.diffusion_model.",
        first_stage_model__=published(pipeline.vae),
        text_encoders__clip_l__transformer__=published(pipeline.text_encoder),
        text_encoders__clip_g__transformer__=published(pipeline.text_encoder_2),
    )
    assert describe_path(file).role == "base"
    assert bench.draw(file).assets
    assert bench.loaded(file).pipeline.text_encoder_3 is None
