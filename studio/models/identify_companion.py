"""Describe files that work only together with a base model: LoRA, embedding, ControlNet, VAE, …"""

from __future__ import annotations

from pathlib import Path

from studio.formats.base_families import CROSS_ATTENTION_WIDTHS, BaseFamily
from studio.formats.checkpoint import Content
from studio.formats.lora import describe_lora
from studio.formats.safetensors import SafetensorsHeader
from studio.formats.tensors import Tensors
from studio.kinds.registry import task_of_format
from studio.models.companion_card import read_companion_card
from studio.protocol import ModelRef, ModelRole, problem

_ROLES: dict[Content, ModelRole] = {
    "lora": "lora",
    "embedding": "embedding",
    "controlnet": "controlnet",
    "adapter": "ip_adapter",
    "vae": "vae",
    "encoder": "text_encoder",
}
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
    else:
        base = _attention_base(header.tensors)
    return ModelRef(
        id="",
        name=file.stem,
        task=task_of_format(role),
        format=role,
        path=str(file),
        size=header.size,
        licence=header.metadata.get("modelspec.license", ""),
        role=role,
        base=base or card.base,
        trigger_words=card.trigger_words or words,
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
