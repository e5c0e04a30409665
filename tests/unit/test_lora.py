"""What a LoRA is made for is read from its tensor names, shapes and metadata."""

from __future__ import annotations

import json

import pytest

from studio.formats.weights.lora import describe_lora, is_lora
from studio.formats.weights.tensors import TensorInfo, Tensors

Sides = tuple[int, int]


def _tensors(names: dict[str, Sides]) -> Tensors:
    return {
        name: TensorInfo(shape, "f16", 2 * shape[0] * shape[1]) for name, shape in names.items()
    }


def _kohya(layer: str, inputs: int, outputs: int) -> dict[str, Sides]:
    return {f"{layer}.lora_down.weight": (4, inputs), f"{layer}.lora_up.weight": (outputs, 4)}


def _peft(layer: str, inputs: int, outputs: int) -> dict[str, Sides]:
    return {f"{layer}.lora_A.weight": (4, inputs), f"{layer}.lora_B.weight": (outputs, 4)}


_ATTENTION = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
_MIDDLE = "lora_unet_middle_block_1_transformer_blocks_9_attn1_to_q"
_UNET = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2"

FILES: list[tuple[str, dict[str, Sides], str]] = [
    ("SD 1, kohya", _kohya(_ATTENTION, 768, 320), "sd1"),
    ("SD 2, kohya", _kohya(_ATTENTION, 1024, 320), "sd2"),
    ("SD XL, kohya", _kohya(_ATTENTION, 2048, 640), "sdxl"),
    ("SD XL, self-attention only", _kohya(_MIDDLE, 1280, 1280), "sdxl"),
    ("SD XL, PEFT", _peft(f"{_UNET}.to_k", 2048, 640), "sdxl"),
    (
        "SD 1, old diffusers",
        {f"{_UNET}.processor.to_k_lora.down.weight": (4, 768)},
        "sd1",
    ),
    (
        "SD XL, LoHa",
        {f"{_ATTENTION}.hada_w1_a": (640, 4), f"{_ATTENTION}.hada_w1_b": (4, 2048)},
        "sdxl",
    ),
    (
        "SD XL, LoKr",
        {f"{_ATTENTION}.lokr_w1": (16, 16), f"{_ATTENTION}.lokr_w2": (40, 128)},
        "sdxl",
    ),
    (
        "SD 1, text encoder only",
        _kohya("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 768, 768),
        "sd1",
    ),
    ("FLUX.1, kohya", _kohya("lora_unet_double_blocks_0_img_attn_qkv", 3072, 9216), "flux"),
    (
        "FLUX.1, kohya, perceptron",
        _kohya("lora_unet_double_blocks_0_img_mlp_0", 3072, 12288),
        "flux",
    ),
    (
        "FLUX.1, PEFT",
        _peft("transformer.single_transformer_blocks.0.attn.to_q", 3072, 3072),
        "flux",
    ),
    (
        "FLUX.2 klein 4B, original names",
        _peft("diffusion_model.single_blocks.0.linear1", 3072, 27648),
        "flux2_klein_4b",
    ),
    (
        "FLUX.2 klein 9B, PEFT",
        _peft("transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj", 4096, 36864),
        "flux2_klein_9b",
    ),
    ("SD 3, PEFT", _peft("transformer.transformer_blocks.0.attn.to_q", 1536, 1536), "sd3"),
    (
        "Qwen-Image, PEFT",
        _peft("transformer.transformer_blocks.59.attn.to_q", 3072, 3072),
        "qwen_image",
    ),
    ("Z-Image", _peft("diffusion_model.layers.0.attention.to_q", 3840, 3840), "z_image"),
    ("PixArt", _peft("transformer.transformer_blocks.0.attn1.to_q", 1152, 1152), "pixart"),
    ("Sana", _peft("transformer.transformer_blocks.0.attn1.to_q", 2240, 2240), "sana"),
]


@pytest.mark.parametrize(
    ("file", "base"), [(f, b) for _, f, b in FILES], ids=[n for n, _, _ in FILES]
)
def test_the_base_family_is_read_from_names_and_shapes(file: dict[str, Sides], base: str) -> None:
    tensors = _tensors(file)
    assert is_lora(tensors)
    assert describe_lora(tensors, {}).base == base


def test_the_base_family_is_read_from_metadata_where_shapes_do_not_tell() -> None:
    tensors = _tensors(_kohya("lora_unet_down_blocks_0_resnets_0_conv1", 320, 320))
    assert describe_lora(tensors, {}).base == ""
    assert describe_lora(tensors, {"ss_base_model_version": "sdxl_base_v1-0"}).base == "sdxl"


def test_a_lora_of_a_language_model_is_told_apart() -> None:
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    found = describe_lora(_tensors(_peft(layer, 2048, 2048)), {})
    assert found.is_language
    assert found.base == ""


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"modelspec.trigger_phrase": "alienzkin, green"}, ("alienzkin", "green")),
        (
            {"ss_tag_frequency": json.dumps({"10_fox": {"zkfox": 20, "smile": 17, "tree": 3}})},
            ("zkfox", "smile"),
        ),
        ({"ss_tag_frequency": "{damaged"}, ()),
        ({"ss_tag_frequency": '{"a": 3}'}, ()),
    ],
)
def test_trigger_words_are_the_tags_of_most_training_pictures(
    metadata: dict[str, str], words: tuple[str, ...]
) -> None:
    tensors = _tensors(_kohya(_ATTENTION, 768, 320))
    assert describe_lora(tensors, metadata).trigger_words == words
