"""Describe files that work only together with a base model: LoRA, embedding, ControlNet, VAE, …"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.formats.weights.base_families import (
    CROSS_ATTENTION_WIDTHS,
    BaseFamily,
    base_of_pipeline,
)
from studio.formats.weights.checkpoint import Content, family_of
from studio.formats.weights.denoiser_parts import (
    UNET_FAMILIES,
    denoiser_family,
    denoiser_tensors,
    pipeline_of,
)
from studio.formats.weights.gguf import GgufHeader
from studio.formats.weights.lora import describe_lora
from studio.formats.weights.safetensors import SafetensorsHeader
from studio.formats.weights.split_gguf import split_parts
from studio.formats.weights.tensors import Tensors
from studio.kinds.registry import task_of_format
from studio.models.base_family import base_of_checkpoint
from studio.models.companion_card import read_companion_card
from studio.protocol import ModelRef, ModelRole, problem

_ROLES: dict[Content, ModelRole] = {
    "lora": "lora",
    "embedding": "embedding",
    "controlnet": "controlnet",
    "adapter": "ip_adapter",
    "vae": "vae",
    "encoder": "text_encoder",
    "image_encoder": "image_encoder",
    "denoiser": "denoiser",
}
_ROLES_OF_CLASSES: tuple[tuple[str, ModelRole], ...] = (
    ("ControlNet", "controlnet"),
    ("Autoencoder", "vae"),
    ("UNet", "denoiser"),
    ("Transformer", "denoiser"),
)
_GGUF_DENOISERS: dict[str, BaseFamily] = {
    "flux": "flux",
    "sd1": "sd1",
    "sd3": "sd3",
    "sdxl": "sdxl",
    "lumina2": "lumina2",
    "hidream": "hidream",
    "qwen_image": "qwen_image",
    "pixart": "pixart",
    "z_image": "z_image",
    "wan": "wan",
    "aura": "",
}
_GGUF_ENCODERS: dict[str, ModelRole] = {
    "t5": "text_encoder",
    "t5encoder": "text_encoder",
    "umt5": "text_encoder",
    "clip": "image_encoder",
}
_DRAWN_QUANTISATIONS = frozenset(
    {"f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0"}
    | {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs"}
)
"""Those that diffusers dequantises layer by layer while it draws."""
_EMBEDDING_WIDTHS: dict[int, BaseFamily] = {768: "sd1", 1024: "sd2", 1280: "sdxl"}
_IP_ADAPTER = ".to_k_ip.weight"
_CROSS_ATTENTION = "attn2.to_k.weight"


def describe_companion(file: Path, header: SafetensorsHeader, content: Content) -> ModelRef | None:
    """Describe a file with this content, None if it is no companion of a base model.

    Raises `ProblemError` (`bad_input`) for a LoRA of a language model.
    """
    role = _ROLES.get(content)
    if role is None:
        return None
    card = read_companion_card(file)
    pipeline = ""
    words: tuple[str, ...] = ()
    if role == "lora":
        lora = describe_lora(header.tensors, header.metadata)
        if lora.is_language:
            raise problem(
                "bad_input",
                "{name} is a LoRA of a language model, which is not supported yet. Add a model "
                "that it is merged into.",
                name=file.name,
            )
        base, words = lora.base, lora.trigger_words
    elif role == "embedding":
        base, words = _embedding_base(header.tensors), (file.stem,)
    elif role == "denoiser":
        pipeline = pipeline_of(header.tensors)
        family = family_of(header.tensors)
        known = pipeline or (family.pipeline if family is not None else "")
        base = base_of_checkpoint(header.tensors, known)
    else:
        base = _attention_base(header.tensors)
    return ModelRef(
        id="",
        name=file.stem,
        task=task_of_format(role),
        format=role,
        path=str(file),
        family=pipeline,
        size=header.size,
        licence=header.metadata.get("modelspec.license", ""),
        role=role,
        base=base or card.base,
        trigger_words=card.trigger_words or words,
    )


def describe_component(folder: Path, config: dict[str, Any], size: int) -> ModelRef | None:
    """Describe a folder with one network of diffusers, None if its role is unknown.

    `config` is the content of its `config.json`, `size` that of its weights in bytes.
    """
    kind = str(config.get("_class_name", ""))
    role = next((role for part, role in _ROLES_OF_CLASSES if part in kind), None)
    if role is None:
        return None
    width = config.get("cross_attention_dim")
    base = base_of_pipeline(kind)
    if not base and isinstance(width, int):
        base = CROSS_ATTENTION_WIDTHS.get(width, "")
    return ModelRef(
        id="",
        name=folder.name,
        task=task_of_format(role),
        format=role,
        path=str(folder),
        family=kind,
        size=size,
        role=role,
        base=base,
    )


def describe_gguf_part(file: Path, header: GgufHeader) -> ModelRef | None:
    """Describe a GGUF file with the denoiser or an encoder of an image model, None for others."""
    architecture = header.architecture
    role: ModelRole | None = _GGUF_ENCODERS.get(architecture)
    if architecture in _GGUF_DENOISERS:
        role = "denoiser"
    if role is None:
        return None
    if role == "denoiser":
        _refuse_unreadable(file, header)
    if len(split_parts(file)) > 1:
        raise problem(
            "bad_input",
            "The file {file} is a part of an image model that is split over several files, which "
            "is not supported. Look for the same model in one file.",
            file=file.name,
        )
    pipeline = pipeline_of(header.tensors) if role == "denoiser" else ""
    if denoiser_family(denoiser_tensors(header.tensors)) in UNET_FAMILIES:
        raise problem(
            "bad_input",
            "The file {file} is a U-Net of Stable Diffusion as GGUF, which is not supported. Get "
            "the same model as .safetensors.",
            file=file.name,
        )
    base = base_of_checkpoint(header.tensors, pipeline) if pipeline else ""
    return ModelRef(
        id="",
        name=file.stem,
        task=task_of_format(role),
        format=role,
        path=str(file),
        family=pipeline or architecture,
        size=header.size,
        role=role,
        base=base or _GGUF_DENOISERS.get(architecture, ""),
    )


def _refuse_unreadable(file: Path, header: GgufHeader) -> None:
    unknown = {tensor.dtype for tensor in header.tensors.values()} - _DRAWN_QUANTISATIONS
    if unknown:
        raise problem(
            "bad_input",
            "The weights in {file} are quantized as {names}, which image models cannot be drawn "
            "with. Get the same model as Q4_K_M or Q8_0.",
            file=file.name,
            names=", ".join(sorted(name.upper() for name in unknown)),
        )


def _embedding_base(tensors: Tensors) -> BaseFamily:
    if {"clip_l", "clip_g"} <= tensors.keys():
        return "sdxl"
    for tensor in tensors.values():
        if tensor.shape:
            return _EMBEDDING_WIDTHS.get(tensor.shape[-1], "")
    return ""


def _attention_base(tensors: Tensors) -> BaseFamily:
    for name, tensor in tensors.items():
        if name.endswith((_CROSS_ATTENTION, _IP_ADAPTER)) and len(tensor.shape) == 2:
            return CROSS_ATTENTION_WIDTHS.get(tensor.shape[1], "")
    return ""
