"""Single-file checkpoints load offline, with or without a configuration folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.engine.tasks.image.model import checkpoint_config
from studio.engine.tasks.image.model.clip_vocabulary import write_clip_tokenizer
from studio.engine.tasks.image.model.describe import describe
from studio.formats.weights.tensors import TensorInfo, Tensors
from studio.protocol import ProblemError
from tests.engine import tiny_pipelines
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench, asked
from tests.engine.image.single_file_checkpoint import unet_tensors, vae_tensors, write_checkpoint

pytestmark = IGNORE_LIBRARIES


def clip_tokenizer(folder: Path, pad_token: str = "<|endoftext|>") -> Any:
    from transformers import CLIPTokenizer

    write_clip_tokenizer(folder, pad_token=pad_token)
    return CLIPTokenizer.from_pretrained(folder)


def real_vocabulary(hidden: int, **changes: Any) -> Any:
    ids: dict[str, Any] = {"vocab_size": 49408, "bos_token_id": 49406, "eos_token_id": 49407}
    return tiny_pipelines.clip_text(
        hidden, num_attention_heads=hidden // 64, pad_token_id=49407, **ids, **changes
    )


def vae() -> Any:
    return tiny_pipelines.kl_vae(
        block_out_channels=[32, 32], norm_num_groups=32, sample_size=512, scaling_factor=0.18215
    )


def sd1(folder: Path) -> Any:
    from diffusers import PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    torch.manual_seed(3)
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=64,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=64,
        attention_head_dim=8,
    )
    return StableDiffusionPipeline(
        vae=vae(),
        text_encoder=real_vocabulary(64, hidden_act="quick_gelu"),
        tokenizer=clip_tokenizer(folder / "t"),
        unet=unet,
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sd2(folder: Path) -> Any:
    from diffusers import PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    torch.manual_seed(3)
    unet = UNet2DConditionModel(
        block_out_channels=(64, 128),
        layers_per_block=1,
        sample_size=96,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=64,
        attention_head_dim=(1, 2),
        use_linear_projection=True,
        upcast_attention=True,
    )
    return StableDiffusionPipeline(
        vae=vae(),
        text_encoder=real_vocabulary(64, num_hidden_layers=23),
        tokenizer=clip_tokenizer(folder / "t", pad_token="!"),
        unet=unet,
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
            prediction_type="v_prediction",
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl(folder: Path) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    torch.manual_seed(3)
    unet = UNet2DConditionModel(
        block_out_channels=(64, 128),
        layers_per_block=1,
        sample_size=128,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64 + 128,
        attention_head_dim=(1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=128 + 6 * 8,
    )
    second = vae()
    second.register_to_config(scaling_factor=0.13025, force_upcast=True)
    return StableDiffusionXLPipeline(
        vae=second,
        text_encoder=real_vocabulary(64, hidden_act="quick_gelu"),
        text_encoder_2=real_vocabulary(128, projection=True),
        tokenizer=clip_tokenizer(folder / "t"),
        tokenizer_2=clip_tokenizer(folder / "t2", pad_token="!"),
        unet=unet,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
            steps_offset=1,
        ),
    )


@pytest.mark.parametrize("make", [sd1, sd2, sdxl])
def test_a_checkpoint_draws_the_same_as_its_diffusers_folder(
    make: Any, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = make(tmp_path).to(torch.float16)
    pipeline.save_pretrained(tmp_path / "folder")
    checkpoint = write_checkpoint(pipeline, tmp_path / "猫 checkpoint.safetensors")

    alone = bench.draw(checkpoint, steps=2, negative_prompt="dog")
    folder = bench.draw(tmp_path / "folder", steps=2, negative_prompt="dog")

    assert np.abs(alone.picture(0) - folder.picture(0)).max() <= 1
    assert describe(bench.model(checkpoint)) == describe(bench.model(tmp_path / "folder"))


def real_header(parts: dict[str, dict[str, torch.Tensor]]) -> Tensors:
    return {
        prefix + name: TensorInfo(tuple(tensor.shape), "f16", 2 * tensor.numel())
        for prefix, tensors in parts.items()
        for name, tensor in tensors.items()
    }


def test_the_shapes_of_sd15_give_its_published_configuration() -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    sd15 = {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768}
    with torch.device("meta"):
        unet = UNet2DConditionModel(**sd15, attention_head_dim=8)
        decoder = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        )
    header = real_header(
        {"model.diffusion_model.": unet_tensors(unet), "first_stage_model.": vae_tensors(decoder)}
    )

    made = checkpoint_config.unet_config(header, is_xl=False)

    assert tuple(made["block_out_channels"]) == sd15["block_out_channels"]
    assert made["cross_attention_dim"] == 768
    assert made["layers_per_block"] == 2
    assert made["attention_head_dim"] == 8
    assert made["down_block_types"] == ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
    made = checkpoint_config.vae_config(header, is_xl=False)
    assert made["block_out_channels"] == [128, 256, 512, 512]


def test_the_shapes_of_sdxl_give_its_published_configuration() -> None:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
    header = real_header({"model.diffusion_model.": unet_tensors(unet)})
    header["conditioner.embedders.1.model.text_projection"] = TensorInfo(
        (1280, 1280), "f16", 2 * 1280 * 1280
    )

    made = checkpoint_config.unet_config(header, is_xl=True)

    assert made["block_out_channels"] == [320, 640, 1280]
    assert made["transformer_layers_per_block"] == [1, 2, 10]
    assert made["attention_head_dim"] == [5, 10, 20]
    assert made["cross_attention_dim"] == 2048
    assert made["addition_time_embed_dim"] == 256
    assert made["projection_class_embeddings_input_dim"] == 2816


def test_the_bundled_vocabulary_gives_the_published_tokens_of_clip(tmp_path: Path) -> None:
    tokenizer = clip_tokenizer(tmp_path)

    assert tokenizer("a photo of a cat")["input_ids"] == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer("Hello, World!")["input_ids"] == [49406, 3306, 267, 1002, 256, 49407]


def test_a_folder_beside_the_checkpoint_overrides_the_built_in_configuration(
    bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = sd1(tmp_path)
    checkpoint = write_checkpoint(pipeline, tmp_path / "mine.safetensors")
    pipeline.unet.register_to_config(sample_size=36)
    pipeline.save_pretrained(tmp_path / "mine")
    for weights in (tmp_path / "mine").rglob("*.safetensors"):
        weights.unlink()
    (tmp_path / "mine" / "studio.json").write_text('{"steps": 9}')

    assert describe(bench.model(checkpoint)).width == 36 * 2
    outcome = bench.draw(checkpoint, steps=None)

    assert asked(outcome.assets[0].recipe).steps == 9


def test_a_checkpoint_that_needs_a_folder_names_it(bench: ImageBench, tmp_path: Path) -> None:
    path = tmp_path / "flux-like.safetensors"
    save_file({"double_blocks.0.img_attn.norm.key_norm.scale": torch.ones(4)}, path)

    with pytest.raises(ProblemError) as caught:
        describe(bench.model(path))

    assert caught.value.problem.kind == "bad_input"
    assert "black-forest-labs/FLUX.1-schnell" in str(caught.value)
    assert str(tmp_path / "flux-like") in str(caught.value)


def test_missing_parts_of_a_checkpoint_are_named_with_their_folder(
    bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = sd1(tmp_path)
    checkpoint = write_checkpoint(pipeline, tmp_path / "mine.safetensors")
    tensors = load_file(checkpoint)
    save_file({k: v for k, v in tensors.items() if "first_stage" not in k}, checkpoint)

    with pytest.raises(ProblemError) as caught:
        bench.draw(checkpoint)
    assert "VAE" in str(caught.value) and str(tmp_path / "mine") in str(caught.value)

    pipeline.save_pretrained(tmp_path / "mine")
    shutil.rmtree(tmp_path / "mine" / "unet")
    (tmp_path / "mine" / "unet").mkdir()
    pipeline.unet.save_config(tmp_path / "mine" / "unet")
    assert bench.draw(checkpoint, steps=1).assets


@pytest.mark.parametrize("spoil", ["cut short", "one tensor missing", "wrong shape"])
def test_a_broken_checkpoint_is_named(spoil: str, bench: ImageBench, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(sd1(tmp_path), tmp_path / "mine.safetensors")
    if spoil == "cut short":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    else:
        tensors = load_file(checkpoint)
        name = "model.diffusion_model.middle_block.0.in_layers.2.weight"
        if spoil == "wrong shape":
            tensors[name] = tensors[name][:-1].clone()
        else:
            del tensors[name]
        save_file(tensors, checkpoint)

    with pytest.raises(ProblemError) as caught:
        bench.draw(checkpoint)

    assert caught.value.problem.kind == "model_broken"
    assert str(checkpoint) in str(caught.value)


def test_a_pickle_checkpoint_is_refused(bench: ImageBench, tmp_path: Path) -> None:
    path = tmp_path / "old.ckpt"
    path.write_bytes(b"\x80\x02}.")

    with pytest.raises(ProblemError) as caught:
        bench.draw(path)

    assert caught.value.problem.kind == "bad_input"
