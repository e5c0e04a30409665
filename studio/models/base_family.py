"""The base family of a complete image model, so that companions of other families are refused."""

from __future__ import annotations

from pathlib import Path

from studio.formats.weights.base_families import (
    CROSS_ATTENTION_WIDTHS,
    FLUX2_WIDTHS,
    BaseFamily,
    base_of_pipeline,
)
from studio.formats.weights.denoiser_parts import denoiser_tensors
from studio.formats.weights.tensors import Tensors
from studio.models.model_card import read_config

_CROSS_ATTENTION = "attn2.to_k.weight"


def base_of_folder(folder: Path, pipeline: str) -> BaseFamily:
    """Return the family of a diffusers folder with this pipeline class, empty if unknown."""
    if pipeline.startswith("Flux2"):
        config = read_config(folder / "transformer" / "config.json")
        heads, width = config.get("num_attention_heads"), config.get("attention_head_dim")
        if isinstance(heads, int) and isinstance(width, int):
            return FLUX2_WIDTHS.get(heads * width, "")
        return ""
    base = base_of_pipeline(pipeline)
    if base or not pipeline.startswith("StableDiffusion"):
        return base
    width = read_config(folder / "unet" / "config.json").get("cross_attention_dim")
    return CROSS_ATTENTION_WIDTHS.get(width, "") if isinstance(width, int) else ""


def base_of_checkpoint(tensors: Tensors, pipeline: str) -> BaseFamily:
    """Return the family of a single-file checkpoint, empty if unknown."""
    base = base_of_pipeline(pipeline)
    if base:
        return base
    if pipeline.startswith("Flux2"):
        first = denoiser_tensors(tensors).get("img_in.weight")
        return FLUX2_WIDTHS.get(first.shape[0], "") if first is not None and first.shape else ""
    for name, tensor in tensors.items():
        if name.endswith(_CROSS_ATTENTION) and len(tensor.shape) == 2:
            return CROSS_ATTENTION_WIDTHS.get(tensor.shape[1], "")
    return ""
