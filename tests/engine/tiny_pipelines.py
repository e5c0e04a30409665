"""Tiny image pipelines with seeded random weights and tokenizers made on the spot.

They exercise loading, schedulers, cancelling and memory fallbacks of every pipeline family in a
second or two. What they draw is noise: they are never shown to anybody. The sizes follow the
dummy components of diffusers' own tests; nothing is fetched.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

FAMILIES = ("sd", "sdxl", "sd3", "flux", "pixart", "sana", "prxpixel")

SIDE = 64
"""Pixels: the smallest side a request may ask for."""

_WORDS = ["a", "cat", "dog", "red", "fire", "engine", "of", "the", "in", "style", "flat"]


@functools.cache
def folder_of(family: str) -> Path:
    """Return the diffusers folder of a family's tiny pipeline, built once in a session.

    Tests that change it copy it first.
    """
    folder = Path(_home().name) / family
    build(family).save_pretrained(folder, safe_serialization=True)
    return folder


def build(family: str) -> Any:
    """Return the tiny pipeline of a family."""
    from tests.engine.tiny_transformers import BUILDERS  # which uses this module

    torch.manual_seed(7)
    return {**_BUILDERS, **BUILDERS}[family]()


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tiny-pipelines-")


def clip_tokenizer() -> Any:
    """Return a CLIP tokenizer over single characters and a few words."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    merges = [("c", "a"), ("ca", "t</w>"), ("r", "e"), ("re", "d</w>")]
    tokens += ["ca", "cat</w>", "re", "red</w>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77)


def t5_tokenizer() -> Any:
    """Return a T5 (Unigram) tokenizer over a few words and all ASCII characters."""
    from transformers import T5Tokenizer

    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("▁", -2.0)]
    vocab += [(f"▁{word}", -1.0) for word in _WORDS if len(word) > 1]
    vocab += [(chr(code), -5.0) for code in range(33, 127)]
    return T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=512)


def gemma_tokenizer() -> Any:
    """Return a Gemma (BPE) tokenizer over ASCII characters."""
    from transformers import GemmaTokenizer

    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁"]
    tokens += [chr(code) for code in range(33, 127) if chr(code) not in "<>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    return GemmaTokenizer(vocab=vocab, merges=[], model_max_length=300)


def clip_text(hidden: int = 32, projection: bool = False, **changes: Any) -> Any:
    """Return a tiny CLIP text encoder, with a projection where a pipeline needs one."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    settings: dict[str, Any] = {
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
        "hidden_size": hidden,
        "intermediate_size": 37,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "projection_dim": hidden,
        "vocab_size": 64,
        "hidden_act": "gelu",
    }
    config = CLIPTextConfig(**{**settings, **changes})
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def t5_text(hidden: int = 32, vocab_size: int = 128) -> Any:
    """Return a tiny T5 encoder."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            d_model=hidden,
            d_ff=37,
            d_kv=8,
            num_layers=2,
            num_heads=4,
            vocab_size=vocab_size,
            pad_token_id=0,
        )
    )


def kl_vae(latent_channels: int = 4, **changes: Any) -> Any:
    """Return a tiny AutoencoderKL that halves each side."""
    from diffusers import AutoencoderKL

    settings: dict[str, Any] = {
        "block_out_channels": [8, 16],
        "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2,
        "latent_channels": latent_channels,
        "norm_num_groups": 2,
        "sample_size": SIDE,
    }
    return AutoencoderKL(**{**settings, **changes})


def _sd() -> Any:
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=2,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return StableDiffusionPipeline(
        vae=kl_vae(),
        text_encoder=clip_text(),
        tokenizer=clip_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=80,
        norm_num_groups=2,
    )
    return StableDiffusionXLPipeline(
        vae=kl_vae(),
        text_encoder=clip_text(),
        text_encoder_2=clip_text(projection=True),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
            steps_offset=1,
        ),
    )


def _sd3() -> Any:
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )

    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=4,
        num_layers=2,
        attention_head_dim=64,
        num_attention_heads=1,
        caption_projection_dim=64,
        joint_attention_dim=32,
        pooled_projection_dim=64 + 128,
        out_channels=4,
        pos_embed_max_size=64,
    )
    return StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=kl_vae(shift_factor=0.0609, scaling_factor=1.5035),
        text_encoder=clip_text(64, projection=True),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip_text(128, projection=True),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5_text(),
        tokenizer_3=t5_tokenizer(),
    )


def _flux() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=32,
        num_attention_heads=1,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=[4, 14, 14],
        guidance_embeds=True,
    )
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=kl_vae(
            shift_factor=0.1159,
            scaling_factor=0.3611,
            use_quant_conv=False,
            use_post_quant_conv=False,
        ),
        text_encoder=clip_text(),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5_text(),
        tokenizer_2=t5_tokenizer(),
        transformer=transformer,
    )


def _pixart() -> Any:
    from diffusers import DPMSolverMultistepScheduler, PixArtAlphaPipeline, PixArtTransformer2DModel

    transformer = PixArtTransformer2DModel(
        sample_size=32,
        num_layers=2,
        patch_size=2,
        attention_head_dim=72,
        num_attention_heads=1,
        caption_channels=32,
        in_channels=4,
        cross_attention_dim=72,
        out_channels=8,
        norm_type="ada_norm_single",
    )
    return PixArtAlphaPipeline(
        transformer=transformer,
        vae=kl_vae(),
        scheduler=DPMSolverMultistepScheduler(),
        text_encoder=t5_text(),
        tokenizer=t5_tokenizer(),
    )


def _sana() -> Any:
    from diffusers import (
        AutoencoderDC,
        DPMSolverMultistepScheduler,
        SanaPipeline,
        SanaTransformer2DModel,
    )
    from transformers import Gemma2Config, Gemma2Model

    transformer = SanaTransformer2DModel(
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        num_attention_heads=1,
        attention_head_dim=32,
        num_cross_attention_heads=1,
        cross_attention_head_dim=32,
        cross_attention_dim=32,
        caption_channels=8,
        sample_size=32,
    )
    vae = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        decoder_norm_types="rms_norm",
        decoder_act_fns="silu",
        scaling_factor=0.41407,
    )
    text_encoder = Gemma2Model(
        Gemma2Config(
            head_dim=16,
            hidden_size=8,
            intermediate_size=16,
            num_attention_heads=2,
            num_hidden_layers=1,
            num_key_value_heads=2,
            vocab_size=128,
        )
    )
    return SanaPipeline(
        transformer=transformer,
        vae=vae,
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        text_encoder=text_encoder,
        tokenizer=gemma_tokenizer(),
    )


def _prxpixel() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, PRXPixelPipeline, PRXTransformer2DModel

    transformer = PRXTransformer2DModel(
        patch_size=16,
        in_channels=3,
        context_in_dim=32,
        hidden_size=16,
        mlp_ratio=2.0,
        num_heads=2,
        depth=2,
        axes_dim=[4, 4],
        bottleneck_size=8,
    )
    # The last layer starts at zero, which would make every picture the same.
    torch.nn.init.normal_(transformer.final_layer.linear.weight, std=0.2)
    return PRXPixelPipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        text_encoder=t5_text(),
        tokenizer=t5_tokenizer(),
        default_sample_size=SIDE,
        prompt_max_tokens=20,
        noise_scale=1.0,
    )


_BUILDERS: dict[str, Callable[[], Any]] = {
    "sd": _sd,
    "sdxl": _sdxl,
    "sd3": _sd3,
    "flux": _flux,
    "pixart": _pixart,
    "sana": _sana,
    "prxpixel": _prxpixel,
}
