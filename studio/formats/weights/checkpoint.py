"""Identify a single `.safetensors` file by its tensor names, and find its configuration.

Tensor names and repositories of image checkpoints are those that diffusers uses
(`diffusers/loaders/single_file_utils.py`, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.formats.weights.lora import is_lora
from studio.formats.weights.tensors import TensorInfo, Tensors

Content: TypeAlias = Literal[
    "checkpoint",
    "lora",
    "embedding",
    "vae",
    "controlnet",
    "adapter",
    "denoiser",
    "encoder",
    "image_encoder",
    "language",
]

_UNET = "model.diffusion_model."

_UNET_INPUT = "input_blocks.0.0.weight"


class Family(Struct, frozen=True):
    """Checkpoints that one diffusers pipeline can run.

    `source` is the hub repository with the configuration. A checkpoint belongs to the family if
    it has all tensors in `names` (those of the denoiser with or without their prefix) and, if
    `side` is set to (tensor, axis, length), a tensor of that length along the axis.
    """

    pipeline: str
    source: str
    names: tuple[str, ...]
    side: tuple[str, int, int] | None = None


_SD = "StableDiffusionPipeline"
_SD1 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_SD3_NAME = "joint_blocks.0.context_block.adaLN_modulation.1.bias"
_FLUX_NAME = "double_blocks.0.img_attn.norm.key_norm.scale"
_GUIDED = "guidance_in.in_layer.bias"

FAMILIES = (
    Family(
        "StableDiffusionXLPipeline",
        "stabilityai/stable-diffusion-xl-base-1.0",
        ("conditioner.embedders.1.model.positional_embedding",),
    ),
    Family(
        "StableDiffusionXLImg2ImgPipeline",
        "stabilityai/stable-diffusion-xl-refiner-1.0",
        ("conditioner.embedders.0.model.positional_embedding",),
    ),
    Family(
        "StableDiffusion3Pipeline",
        "stabilityai/stable-diffusion-3.5-large",
        (_SD3_NAME, "joint_blocks.37.x_block.mlp.fc1.weight"),
    ),
    Family(
        "StableDiffusion3Pipeline",
        "stabilityai/stable-diffusion-3.5-medium",
        (_SD3_NAME,),
        ("pos_embed", 1, 147456),
    ),
    Family(
        "StableDiffusion3Pipeline",
        "stabilityai/stable-diffusion-3-medium-diffusers",
        (_SD3_NAME,),
    ),
    Family(
        "Flux2Pipeline", "black-forest-labs/FLUX.2-dev", ("single_stream_modulation.lin.weight",)
    ),
    Family("ChromaPipeline", "lodestones/Chroma1-HD", ("distilled_guidance_layer.in_proj.bias",)),
    Family(
        "FluxFillPipeline",
        "black-forest-labs/FLUX.1-Fill-dev",
        (_FLUX_NAME, _GUIDED),
        ("img_in.weight", 1, 384),
    ),
    Family(
        "FluxControlPipeline",
        "black-forest-labs/FLUX.1-Depth-dev",
        (_FLUX_NAME, _GUIDED),
        ("img_in.weight", 1, 128),
    ),
    Family("FluxPipeline", "black-forest-labs/FLUX.1-dev", (_FLUX_NAME, _GUIDED)),
    Family("FluxPipeline", "black-forest-labs/FLUX.1-schnell", (_FLUX_NAME,)),
    Family("AuraFlowPipeline", "fal/AuraFlow-v0.3", ("double_layers.0.attn.w1q.weight",)),
    Family("ZImagePipeline", "Tongyi-MAI/Z-Image-Turbo", ("layers.0.adaLN_modulation.0.weight",)),
    Family("Lumina2Pipeline", "Alpha-VLLM/Lumina-Image-2.0", ("cap_embedder.0.weight",)),
    Family(
        "SanaPipeline",
        "Efficient-Large-Model/Sana_1600M_1024px_diffusers",
        ("blocks.0.cross_attn.q_linear.weight",),
    ),
    Family("QwenImage21Pipeline", "Qwen/Qwen-Image-2.1", ("txt_in.text_norm.weight",)),
    Family("Krea2Pipeline", "krea/Krea-2-Raw", ("txtfusion.projector.weight",)),
    Family(
        "HiDreamImagePipeline",
        "HiDream-ai/HiDream-I1-Dev",
        ("double_stream_blocks.0.block.adaLN_modulation.1.bias",),
    ),
    Family(
        _SD,
        "stabilityai/stable-diffusion-2-1",
        (_UNET_INPUT, "cond_stage_model.model.token_embedding.weight"),
    ),
    Family(
        _SD,
        _SD1,
        (
            _UNET_INPUT,
            "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
        ),
    ),
    # Early conversions of Stable Diffusion 1 omit "text_model".
    Family(
        _SD,
        _SD1,
        (_UNET_INPUT, "cond_stage_model.transformer.embeddings.position_embedding.weight"),
    ),
)
"""Matched in this order, the more specific families first."""

_DENOISERS = (
    _UNET,
    "double_blocks.0.",
    "single_blocks.0.",
    "joint_blocks.0.",
    "transformer_blocks.0.",
    "single_transformer_blocks.0.",
    "down_blocks.0.",
    "input_blocks.0.",
    "blocks.0.cross_attn.",
)
_VAES = ("decoder.conv_in.", "decoder.mid", "first_stage_model.decoder.")
_IMAGE_ENCODERS = ("vision_model.", "vision_tower.", "visual_projection.")
_ENCODERS = ("text_model.encoder.", "encoder.block.0.layer.", "encoder.layer.0.", "bert.encoder.")
_LANGUAGE = ("model.layers.0.self_attn.", "transformer.h.0.", "model.embed_tokens.", "h.0.attn.")


def find_checkpoint(tensors: Tensors) -> tuple[Content | None, str]:
    """Return what the weights are (None if unknown), and the pipeline class of a full checkpoint.

    A full checkpoint contains denoiser, VAE and text encoder.
    """
    names = tensors.keys()
    if is_lora(tensors):
        return "lora", ""
    if _any_starts(names, ("image_proj.", "ip_adapter.")):
        return "adapter", ""
    if _any_starts(names, ("control_model.", "controlnet_", "control_")):
        return "controlnet", ""
    if _any_starts(names, ("first_stage_model.", "vae.")):
        family = family_of(tensors)
        if family is not None:
            return "checkpoint", family.pipeline
    if _any_starts(names, _DENOISERS) or family_of(tensors) is not None:
        return "denoiser", ""
    if _any_starts(names, _VAES):
        return "vae", ""
    if _is_embedding(tensors):
        return "embedding", ""
    if _any_starts(names, _LANGUAGE):
        return "language", ""
    if _any_starts(names, _IMAGE_ENCODERS):
        return "image_encoder", ""
    if _any_starts(names, _ENCODERS):
        return "encoder", ""
    return None, ""


def family_of(tensors: Tensors) -> Family | None:
    """Return the image model family of a checkpoint or denoiser, None if unknown."""
    return next((family for family in FAMILIES if _matches(family, tensors)), None)


def input_channels(tensors: Tensors) -> int | None:
    """Return the input channels of a checkpoint's U-Net, None if there is no U-Net.

    4 for text-to-image, 9 for inpainting (with a mask), 8 for editing (with a picture).
    """
    first = tensors.get(_UNET + _UNET_INPUT)
    return first.shape[1] if first is not None and len(first.shape) == 4 else None


def self_contained_pipeline(tensors: Tensors) -> str:
    """Return the pipeline of a Stable Diffusion 1.x, 2.x or XL checkpoint, "" for others.

    Their configuration follows from the tensor shapes, so no configuration folder is needed.
    """
    if _UNET + _UNET_INPUT in tensors:
        if "conditioner.embedders.1.model.token_embedding.weight" in tensors:
            return "StableDiffusionXLPipeline"
        if "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight" in tensors:
            return _SD
        if "cond_stage_model.model.token_embedding.weight" in tensors:
            return _SD
    return ""


def folder_beside(checkpoint: Path) -> Path:
    """Return the first configuration folder to try: the checkpoint's path without its suffix."""
    return checkpoint.with_suffix("")


def configuration_folder(checkpoint: Path) -> Path | None:
    """Return the diffusers folder with the configuration of a checkpoint, None if there is none.

    That is `folder_beside(checkpoint)` or the parent folder, if it has a `model_index.json`.
    """
    for folder in (folder_beside(checkpoint), checkpoint.parent):
        if (folder / "model_index.json").is_file():
            return folder
    return None


def _matches(family: Family, tensors: Tensors) -> bool:
    found = [_find(name, tensors) for name in family.names]
    if family.side is not None:
        name, axis, length = family.side
        side = _find(name, tensors)
        return None not in found and side is not None and side.shape[axis : axis + 1] == (length,)
    return None not in found


def _find(name: str, tensors: Tensors) -> TensorInfo | None:
    return tensors.get(name) or tensors.get(_UNET + name)


def _any_starts(names: Iterable[str], prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(prefixes) for name in names)


def _is_embedding(tensors: Tensors) -> bool:
    if tensors and tensors.keys() <= {"clip_l", "clip_g", "emb_params"}:
        return True
    return len(tensors) == 1 and all(
        len(info.shape) <= 2 and info.shape[-1:] in ((768,), (1024,), (1280,))
        for info in tensors.values()
    )
