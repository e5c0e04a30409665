"""The configuration of a Stable Diffusion pipeline of which only the U-Net is in the file."""

from __future__ import annotations

from typing import Any

from studio.engine.tasks.image.model.checkpoint_config import (
    TOKEN_IDS,
    UNET,
    is_base_of_2,
    scheduler_config,
    unet_config,
)
from studio.formats.weights.denoiser_parts import DenoiserFamily, pooled_width
from studio.formats.weights.tensors import Tensors


def unet_description(
    family: DenoiserFamily, tensors: Tensors, denoiser: Tensors, name: str
) -> dict[str, Any]:
    """Return `model_index` and the `configs` of the components, as in a file of `../families`.

    Args:
        family: `sd1`, `sd2` or `sdxl`.
        tensors: of the file.
        denoiser: of its U-Net, without prefix.
        name: of the file, which tells how some were trained.

    Raises `KeyError` or `IndexError` if tensors are missing.
    """
    is_xl = family == "sdxl"
    prefixed = {UNET + key: info for key, info in denoiser.items()}
    pooled = pooled_width(denoiser) if is_xl else 0
    scheduler = scheduler_config(tensors, is_xl=is_xl)
    if family == "sd2" and not is_base_of_2(name):
        scheduler["prediction_type"] = "v_prediction"
    act = "gelu" if family == "sd2" else "quick_gelu"
    configs: dict[str, Any] = {
        "unet": unet_config(prefixed, is_xl=is_xl, pooled=pooled),
        "scheduler": scheduler,
        "vae": {
            "_class_name": "AutoencoderKL",
            "sample_size": 1024 if is_xl else 512,
            "scaling_factor": 0.13025 if is_xl else 0.18215,
            "force_upcast": is_xl,
        },
        "text_encoder": _text_encoder("CLIPTextModel", act),
    }
    index: dict[str, Any] = {
        "_class_name": "StableDiffusionXLPipeline" if is_xl else "StableDiffusionPipeline",
        "_diffusers_version": "0.30.0",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", scheduler["_class_name"]],
    }
    if is_xl:
        index |= {
            "force_zeros_for_empty_prompt": True,
            "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
            "tokenizer_2": ["transformers", "CLIPTokenizer"],
        }
        configs["text_encoder_2"] = _text_encoder("CLIPTextModelWithProjection", "gelu")
    else:
        index |= {
            "requires_safety_checker": False,
            "safety_checker": [None, None],
            "feature_extractor": [None, None],
        }
    return {"model_index": index, "configs": configs}


def _text_encoder(kind: str, act: str) -> dict[str, Any]:
    return {
        "architectures": [kind],
        "model_type": "clip_text_model",
        "hidden_act": act,
        **TOKEN_IDS,
    }
