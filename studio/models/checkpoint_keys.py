"""Tell what a lone `.safetensors` file is from the names of its weights.

The names of whole image checkpoints are those by which diffusers tells them apart
(`diffusers/loaders/single_file_utils.py`, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from studio.formats.tensors import Tensors

Content: TypeAlias = Literal[
    "checkpoint",
    "lora",
    "embedding",
    "vae",
    "controlnet",
    "adapter",
    "denoiser",
    "encoder",
    "language",
]

_UNET = "model.diffusion_model."

_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("StableDiffusionXLPipeline", ("conditioner.embedders.1.model.positional_embedding",)),
    (
        "StableDiffusionXLImg2ImgPipeline",
        ("conditioner.embedders.0.model.positional_embedding",),
    ),
    (
        "StableDiffusion3Pipeline",
        (_UNET + "joint_blocks.0.context_block.adaLN_modulation.1.bias",),
    ),
    ("FluxPipeline", (_UNET + "double_blocks.0.img_attn.norm.key_norm.scale",)),
    ("Lumina2Pipeline", (_UNET + "cap_embedder.0.weight",)),
    ("AuraFlowPipeline", (_UNET + "double_layers.0.attn.w1q.weight",)),
    (
        "StableDiffusionPipeline",
        (_UNET + "input_blocks.0.0.weight", "cond_stage_model.model.token_embedding.weight"),
    ),
    (
        "StableDiffusionPipeline",
        (
            _UNET + "input_blocks.0.0.weight",
            "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
        ),
    ),
    # the first conversions of Stable Diffusion 1 left "text_model" out
    (
        "StableDiffusionPipeline",
        (
            _UNET + "input_blocks.0.0.weight",
            "cond_stage_model.transformer.embeddings.position_embedding.weight",
        ),
    ),
)

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
_ENCODERS = ("text_model.encoder.", "encoder.block.0.layer.", "encoder.layer.0.", "bert.encoder.")
_LANGUAGE = ("model.layers.0.self_attn.", "transformer.h.0.", "model.embed_tokens.", "h.0.attn.")


def find_checkpoint(tensors: Tensors) -> tuple[Content | None, str]:
    """Return what the weights are, and the pipeline's class for a whole image checkpoint.

    A whole checkpoint holds the denoiser, the VAE and a text encoder. None is unknown.
    """
    names = tensors.keys()
    if any(
        ".lora_" in name or name.startswith("lora_") or ".lokr_" in name or ".hada_" in name
        for name in names
    ):
        return "lora", ""
    if _starts(names, ("image_proj.", "ip_adapter.")):
        return "adapter", ""
    if _starts(names, ("control_model.", "controlnet_", "control_")):
        return "controlnet", ""
    if _starts(names, ("first_stage_model.", "vae.")):
        for family, wanted in _FAMILIES:
            if all(name in names for name in wanted):
                return "checkpoint", family
    if _starts(names, _DENOISERS):
        return "denoiser", ""
    if _starts(names, _VAES):
        return "vae", ""
    if _is_embedding(tensors):
        return "embedding", ""
    if _starts(names, _LANGUAGE):
        return "language", ""
    if _starts(names, _ENCODERS):
        return "encoder", ""
    return None, ""


def is_inpainting(tensors: Tensors) -> bool:
    """True where the UNet takes a mask beside the picture (9 channels) or a picture (8)."""
    first = tensors.get(_UNET + "input_blocks.0.0.weight")
    return first is not None and len(first.shape) == 4 and first.shape[1] in (8, 9)


def is_self_contained(tensors: Tensors) -> bool:
    """True for Stable Diffusion 1.x and XL, whose configuration is read off the shapes."""
    return _UNET + "input_blocks.0.0.weight" in tensors and any(
        name in tensors
        for name in (
            "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
            "conditioner.embedders.1.model.token_embedding.weight",
        )
    )


def _starts(names: Iterable[str], prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(prefixes) for name in names)


def _is_embedding(tensors: Tensors) -> bool:
    if tensors and tensors.keys() <= {"clip_l", "clip_g", "emb_params"}:
        return True
    return len(tensors) == 1 and all(
        len(info.shape) <= 2 and info.shape[-1:] in ((768,), (1024,), (1280,))
        for info in tensors.values()
    )
