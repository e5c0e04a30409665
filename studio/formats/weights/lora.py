"""What a LoRA file is made for, from its tensor names, shapes and metadata.

Names of kohya (`lora_unet_…lora_down`), diffusers and PEFT (`…lora_A`), and LyCORIS (LoHa `hada_`,
LoKr `lokr_`) are known (https://github.com/kohya-ss/sd-scripts,
https://github.com/KohakuBlueleaf/LyCORIS).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from studio.formats.weights.base_families import (
    CROSS_ATTENTION_WIDTHS,
    FLUX2_WIDTHS,
    BaseFamily,
    base_of_name,
)
from studio.formats.weights.tensors import TensorInfo, Tensors

_PREFIX = re.compile(
    r"^(?:lora_unet_|lora_transformer_|lycoris_|base_model_model_|diffusion_model_|transformer_(?!blocks)"
    r"|unet_|model_diffusion_model_)+"
)
_DOWN = re.compile(
    r"(?:(?:[._]lora_down|[._]lora_A|_lora[._]down)(?:[._]\w+)?[._]weight|[._]hada_w1_b)$"
)
_UP = re.compile(r"(?:(?:[._]lora_up|[._]lora_B|_lora[._]up)(?:[._]\w+)?[._]weight|[._]hada_w1_a)$")
_LOKR = re.compile(r"[._]lokr_w1(?:_[ab])?$")
_MARKS = (".lora_", "_lora.", ".hada_", ".lokr_", "lora_unet_", "lora_te", "lora_transformer_")
_LANGUAGE = re.compile(r"(?:^|_)model_layers_\d+_(?:self_attn|mlp)_")
_MAX_TRIGGER_WORDS = 8
_OFTEN = 0.8
"""Share of the training pictures with a tag from which the tag counts as a trigger word."""


class Lora(Struct, frozen=True):
    """What a LoRA file is made for.

    `base` is empty if it is unknown. `is_language` says that it belongs to a language model.
    """

    base: BaseFamily
    trigger_words: tuple[str, ...] = ()
    is_language: bool = False


class _Layer(Struct):
    """The widths of an adapted layer, None if unknown."""

    inputs: int | None = None
    outputs: int | None = None


def is_lora(tensors: Tensors) -> bool:
    """Return whether the tensors are those of a LoRA or one of its variants."""
    return any(mark in name for name in tensors for mark in _MARKS)


def describe_lora(tensors: Tensors, metadata: Mapping[str, str]) -> Lora:
    """Describe the LoRA with these tensors and the metadata of its safetensors header."""
    layers = _layers(tensors)
    language = any(_LANGUAGE.search(name) for name in layers)
    base = "" if language else _base_of_layers(layers, tensors) or _base_of_metadata(metadata)
    return Lora(base, trigger_words(metadata), language)


def trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that a LoRA's training pictures were labelled with, most frequent first."""
    phrase = metadata.get("modelspec.trigger_phrase", "").strip()
    if phrase:
        return _words(phrase.split(","))
    try:
        folders = msgspec.json.decode(
            metadata.get("ss_tag_frequency", "{}"), type=dict[str, dict[str, int]]
        )
    except (msgspec.DecodeError, RecursionError):
        return ()
    found: list[str] = []
    for tags in folders.values():
        most = max(tags.values(), default=0)
        often = [tag for tag, count in tags.items() if count >= _OFTEN * most]
        found += sorted(often, key=lambda tag: -tags[tag])
    return _words(found)


def _words(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))[:_MAX_TRIGGER_WORDS]


def _layers(tensors: Tensors) -> dict[str, _Layer]:
    """Return the adapted layers by their names without prefix, with underscores for dots."""
    layers: dict[str, _Layer] = {}
    for name, tensor in tensors.items():
        match = _DOWN.search(name) or _UP.search(name) or _LOKR.search(name)
        if match is None:
            continue
        path = name[: match.start()]
        key = _PREFIX.sub("", path.replace(".", "_")).replace("_processor", "")
        layer = layers.setdefault(key, _Layer())
        if match.re is _DOWN:
            layer.inputs = _side(tensor, 1)
        elif match.re is _UP:
            layer.outputs = _side(tensor, 0)
        else:
            layer.inputs, layer.outputs = _lokr_sides(path, tensors)
    return layers


def _side(tensor: TensorInfo, axis: int) -> int | None:
    return tensor.shape[axis] if len(tensor.shape) > axis else None


def _lokr_sides(path: str, tensors: Tensors) -> tuple[int | None, int | None]:
    sides: list[int | None] = []
    for axis, part in ((1, "b"), (0, "a")):
        product: int | None = 1
        for factor in ("lokr_w1", "lokr_w2"):
            tensor = tensors.get(f"{path}.{factor}") or tensors.get(f"{path}.{factor}_{part}")
            side = None if tensor is None else _side(tensor, axis)
            product = None if side is None or product is None else product * side
        sides.append(product)
    return sides[0], sides[1]


def _base_of_layers(layers: Mapping[str, _Layer], tensors: Tensors) -> BaseFamily:
    names = list(layers)
    if _has(names, "double_blocks_", "single_blocks_", "single_transformer_blocks_"):
        return _flux(layers)
    if _has(
        names,
        "down_blocks_",
        "up_blocks_",
        "mid_block_",
        "middle_block_",
        "input_blocks_",
        "output_blocks_",
    ):
        return _unet(layers, tensors)
    if _has(names, "transformer_blocks_", "joint_blocks_"):
        return _transformer(layers)
    width = _width(layers, r"layers_\d+_attention_(?:to_q|to_k|qkv|to_out_0|out)$")
    if width is not None:
        return {3840: "z_image", 2304: "lumina2"}.get(width, "")
    if any("text_model" in name for name in names):
        if any(name.startswith(("lora_te2_", "text_encoder_2.")) for name in tensors):
            return "sdxl"
        return {768: "sd1", 1024: "sd2"}.get(_width(layers, r"self_attn_q_proj$") or 0, "")
    return "wan" if _has(names, "_self_attn_", "_cross_attn_") else ""


def _unet(layers: Mapping[str, _Layer], tensors: Tensors) -> BaseFamily:
    width = _width(layers, r"attn2_to_[kv]$")
    if width is not None:
        return CROSS_ATTENTION_WIDTHS.get(width, "")
    # Only the U-Net of XL has several transformer blocks in one attention.
    deep = any(re.search(r"_transformer_blocks_[2-9]_", name) for name in layers)
    return "sdxl" if deep or any("lora_te2_" in name for name in tensors) else ""


def _flux(layers: Mapping[str, _Layer]) -> BaseFamily:
    width = _width(layers, r"(?:img_attn_(?:proj|qkv)|attn_to_[qkv]|attn_to_qkv_mlp_proj|linear1)$")
    second = _has(list(layers), "_to_qkv_mlp_proj", "_ff_linear_in") or width in (4096, 6144)
    # FLUX.1 widens 4 times in its perceptrons, FLUX.2 2 x 3 times.
    for pattern, ratio in ((r"img_mlp_0$", 4), (r"single_blocks_\d+_linear1$", 7)):
        for name, layer in layers.items():
            if re.search(pattern, name) and layer.outputs and layer.inputs:
                second |= layer.outputs != ratio * layer.inputs
    return FLUX2_WIDTHS.get(width or 3072, "") if second else "flux"


def _transformer(layers: Mapping[str, _Layer]) -> BaseFamily:
    names = list(layers)
    if _has(names, "joint_blocks_"):
        return "sd3"
    width = _width(layers, r"attn1?_to_[qkv]$")
    if width in (1536, 2432):
        return "sd3"
    numbers = [int(found[1]) for name in names if (found := re.search(r"blocks_(\d+)_", name))]
    # FLUX.1 has 19 double blocks, Qwen-Image has 60.
    many = max(numbers, default=0) > 18
    if width in (None, 3072) and (many or _has(names, "_img_mlp_", "_txt_mlp_", "_img_mod_")):
        return "qwen_image"
    if _has(names, "_conv_inverted", "_conv_point") or width == 2240:
        return "sana"
    if width == 1152:
        return "pixart"
    return "flux" if width == 3072 else ""


def _base_of_metadata(metadata: Mapping[str, str]) -> BaseFamily:
    for key in ("modelspec.architecture", "ss_base_model_version", "base_model"):
        base = base_of_name(metadata.get(key, ""))
        if base:
            return base
    return ""


def _has(names: list[str], *parts: str) -> bool:
    return any(part in f"_{name}" for name in names for part in parts)


def _width(layers: Mapping[str, _Layer], pattern: str) -> int | None:
    for name, layer in layers.items():
        if layer.inputs is not None and re.search(pattern, name):
            return layer.inputs
    return None
