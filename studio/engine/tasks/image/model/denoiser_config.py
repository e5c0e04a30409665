"""Derives diffusers' configuration of a denoiser, and of a VAE, from the shapes of its tensors."""

from __future__ import annotations

import math
import re
from typing import Any

from studio.formats.weights.denoiser_parts import DenoiserFamily
from studio.formats.weights.tensors import Tensors

_SANA_CROSS_HEADS = {2240: 112, 1152: 72}
"""Width of Sana's transformer → channels of a head of its cross-attention."""


def denoiser_config(family: DenoiserFamily, tensors: Tensors) -> dict[str, Any]:
    """Return what follows from the tensors of a denoiser (without prefix).

    Raises `KeyError` or `IndexError` if tensors are missing.
    """
    match family:
        case "flux" | "flux_schnell":
            return _flux(tensors)
        case "flux2_klein":
            return _flux2(tensors)
        case "sd3":
            return _sd3(tensors)
        case "z_image":
            return _z_image(tensors)
        case "qwen_image":
            return _qwen_image(tensors)
        case "sana":
            return _sana(tensors)
    return _pixart(tensors)


def kl_vae_config(tensors: Tensors) -> dict[str, Any]:
    """Return what follows from the tensors of a KL autoencoder, in the names of its authors or
    of diffusers. Raises `KeyError` or `IndexError` if tensors are missing.
    """
    channels: list[int] = []
    for name in ("encoder.down.{}.block.0.conv1.weight", "encoder.down_blocks.{}.resnets.0.conv1"):
        name = name if name.endswith("weight") else name + ".weight"
        while (key := name.format(len(channels))) in tensors:
            channels.append(tensors[key].shape[0])
    layers = _count(tensors, r"encoder\.(?:down\.0\.block|down_blocks\.0\.resnets)\.(\d+)\.")
    return {
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "layers_per_block": layers,
        "latent_channels": tensors["decoder.conv_in.weight"].shape[1],
        "use_quant_conv": "quant_conv.weight" in tensors,
        "use_post_quant_conv": "post_quant_conv.weight" in tensors,
    }


def _flux(tensors: Tensors) -> dict[str, Any]:
    width, inputs = tensors["img_in.weight"].shape
    head = tensors["double_blocks.0.img_attn.norm.query_norm.scale"].shape[0]
    return {
        "patch_size": 1,
        "in_channels": inputs,
        "out_channels": tensors["final_layer.linear.weight"].shape[0],
        "num_layers": _count(tensors, r"double_blocks\.(\d+)\."),
        "num_single_layers": _count(tensors, r"single_blocks\.(\d+)\."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": tensors["txt_in.weight"].shape[1],
        "pooled_projection_dim": tensors["vector_in.in_layer.weight"].shape[1],
        "guidance_embeds": "guidance_in.in_layer.weight" in tensors,
        "axes_dims_rope": _axes(head, 2, 7, 7),
    }


def _flux2(tensors: Tensors) -> dict[str, Any]:
    width, inputs = tensors["img_in.weight"].shape
    head = tensors["double_blocks.0.img_attn.norm.query_norm.scale"].shape[0]
    return {
        "patch_size": 1,
        "in_channels": inputs,
        "num_layers": _count(tensors, r"double_blocks\.(\d+)\."),
        "num_single_layers": _count(tensors, r"single_blocks\.(\d+)\."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": tensors["txt_in.weight"].shape[1],
        "timestep_guidance_channels": tensors["time_in.in_layer.weight"].shape[1],
        "mlp_ratio": tensors["double_blocks.0.img_mlp.2.weight"].shape[1] / width,
        "guidance_embeds": "guidance_in.in_layer.weight" in tensors,
        "axes_dims_rope": [head // 4] * 4,
    }


def _sd3(tensors: Tensors) -> dict[str, Any]:
    width, channels, patch, _ = tensors["x_embedder.proj.weight"].shape
    dual = [
        number
        for number in range(_count(tensors, r"joint_blocks\.(\d+)\."))
        if f"joint_blocks.{number}.x_block.attn2.qkv.weight" in tensors
    ]
    has_norm = "joint_blocks.0.x_block.attn.ln_q.weight" in tensors
    return {
        "sample_size": 128,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": tensors["final_layer.linear.weight"].shape[0] // patch**2,
        "num_layers": _count(tensors, r"joint_blocks\.(\d+)\."),
        "attention_head_dim": 64,
        "num_attention_heads": width // 64,
        "joint_attention_dim": tensors["context_embedder.weight"].shape[1],
        "caption_projection_dim": tensors["context_embedder.weight"].shape[0],
        "pooled_projection_dim": tensors["y_embedder.mlp.0.weight"].shape[1],
        "pos_embed_max_size": math.isqrt(tensors["pos_embed"].shape[1]),
        "dual_attention_layers": dual,
        "qk_norm": "rms_norm" if has_norm else None,
    }


def _z_image(tensors: Tensors) -> dict[str, Any]:
    width, inputs = tensors["x_embedder.weight"].shape
    head = tensors["layers.0.attention.q_norm.weight"].shape[0]
    return {
        "all_patch_size": [2],
        "all_f_patch_size": [1],
        "in_channels": inputs // 4,
        "dim": width,
        "n_layers": _count(tensors, r"layers\.(\d+)\."),
        "n_refiner_layers": _count(tensors, r"noise_refiner\.(\d+)\."),
        "n_heads": width // head,
        "n_kv_heads": width // head,
        "cap_feat_dim": tensors["cap_embedder.1.weight"].shape[1],
        "axes_dims": _axes(head, 2, 3, 3),
        "axes_lens": [1536, 512, 512],
    }


def _qwen_image(tensors: Tensors) -> dict[str, Any]:
    width, inputs = tensors["img_in.weight"].shape
    head = tensors["transformer_blocks.0.attn.norm_q.weight"].shape[0]
    return {
        "patch_size": 2,
        "in_channels": inputs,
        "out_channels": tensors["proj_out.weight"].shape[0] // 4,
        "num_layers": _count(tensors, r"transformer_blocks\.(\d+)\."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": tensors["txt_in.weight"].shape[1],
        "axes_dims_rope": _axes(head, 2, 7, 7),
    }


def _pixart(tensors: Tensors) -> dict[str, Any]:
    return _patch_blocks(tensors, head=72) | {
        "use_additional_conditions": "csize_embedder.mlp.0.weight" in tensors,
        "norm_type": "ada_norm_single",
    }


def _sana(tensors: Tensors) -> dict[str, Any]:
    options = _patch_blocks(tensors, head=32)
    width = options["cross_attention_dim"]
    cross = _SANA_CROSS_HEADS.get(width, 32)
    hidden = tensors["blocks.0.mlp.point_conv.conv.weight"].shape[1]
    return options | {
        "cross_attention_head_dim": cross,
        "num_cross_attention_heads": width // cross,
        "mlp_ratio": hidden / width,
    }


def _patch_blocks(tensors: Tensors, head: int) -> dict[str, Any]:
    """Return the options that PixArt and Sana share; `head` is the channels of a head."""
    width, channels, patch, _ = tensors["x_embedder.proj.weight"].shape
    return {
        "sample_size": math.isqrt(tensors["pos_embed"].shape[1]) * patch,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": tensors["final_layer.linear.weight"].shape[0] // patch**2,
        "num_layers": _count(tensors, r"blocks\.(\d+)\."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "cross_attention_dim": width,
        "caption_channels": tensors["y_embedder.y_proj.fc1.weight"].shape[1],
    }


def _axes(head: int, *shares: int) -> list[int]:
    """Split the channels of an attention head among the axes of the rotary embedding."""
    return [head * share // sum(shares) for share in shares]


def _count(tensors: Tensors, pattern: str) -> int:
    matcher = re.compile(pattern)
    numbers = [int(found.group(1)) for name in tensors if (found := matcher.match(name))]
    return max(numbers, default=-1) + 1
