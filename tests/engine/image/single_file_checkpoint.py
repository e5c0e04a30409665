"""Writes a diffusers pipeline as one checkpoint in the layout of the original authors.

The names follow the public checkpoints of Stable Diffusion 1.x and XL, the inverse of what
diffusers' `from_single_file` reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

Tensors = dict[str, torch.Tensor]

_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_VAE_PARTS = {
    "conv_shortcut": "nin_shortcut",
    "conv_norm_out": "norm_out",
    "mid_block.attentions.0.": "mid.attn_1.",
    "mid_block.resnets.0.": "mid.block_1.",
    "mid_block.resnets.1.": "mid.block_2.",
}
_VAE_ATTENTION = {
    "group_norm.": "norm.",
    "to_q.": "q.",
    "to_k.": "k.",
    "to_v.": "v.",
    "to_out.0.": "proj_out.",
}
_OPEN_CLIP = {
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.final_layer_norm.": "ln_final.",
    "text_model.encoder.layers.": "transformer.resblocks.",
    ".layer_norm1.": ".ln_1.",
    ".layer_norm2.": ".ln_2.",
    ".mlp.fc1.": ".mlp.c_fc.",
    ".mlp.fc2.": ".mlp.c_proj.",
    ".self_attn.out_proj.": ".attn.out_proj.",
}


def write_checkpoint(pipeline: Any, path: Path) -> Path:
    """Write a Stable Diffusion 1.x, 2.x or XL pipeline as one safetensors file; return its path."""
    tensors: Tensors = {}
    tensors |= _prefixed("model.diffusion_model.", unet_tensors(pipeline.unet))
    tensors |= _prefixed("first_stage_model.", vae_tensors(pipeline.vae))
    text = _text(pipeline.text_encoder.state_dict())
    if hasattr(pipeline, "text_encoder_2"):
        tensors |= _prefixed("conditioner.embedders.0.transformer.", text)
        second = _open_clip(_text(pipeline.text_encoder_2.state_dict()))
        tensors |= _prefixed("conditioner.embedders.1.model.", second)
    elif pipeline.unet.config.use_linear_projection:
        encoder = _open_clip(text)
        # Published files have one layer more than is used.
        unused = {
            name.replace("resblocks.22.", "resblocks.23."): tensor.clone()
            for name, tensor in encoder.items()
            if "resblocks.22." in name
        }
        tensors |= _prefixed("cond_stage_model.model.", encoder | unused)
    else:
        tensors |= _prefixed("cond_stage_model.transformer.", text)
    save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, path)
    return path


def _prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def unet_tensors(unet: Any) -> Tensors:
    """Return a U-Net's tensors under the names of the original checkpoints."""
    levels, layers = len(unet.config.block_out_channels), unet.config.layers_per_block
    blocks = dict(_UNET_ENDS)
    for level in range(levels):
        first = (layers + 1) * level
        for layer in range(layers):
            blocks[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{first + layer + 1}.0"
            blocks[f"down_blocks.{level}.attentions.{layer}"] = (
                f"input_blocks.{first + layer + 1}.1"
            )
        blocks[f"down_blocks.{level}.downsamplers.0.conv"] = (
            f"input_blocks.{first + layers + 1}.0.op"
        )
        has_attention = hasattr(unet.up_blocks[level], "attentions")
        for layer in range(layers + 1):
            blocks[f"up_blocks.{level}.resnets.{layer}"] = f"output_blocks.{first + layer}.0"
            blocks[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{first + layer}.1"
        place = 2 if has_attention else 1
        blocks[f"up_blocks.{level}.upsamplers.0"] = f"output_blocks.{first + layers}.{place}"
    blocks["mid_block.resnets.0"] = "middle_block.0"
    blocks["mid_block.attentions.0"] = "middle_block.1"
    blocks["mid_block.resnets.1"] = "middle_block.2"
    tensors: Tensors = {}
    for name, tensor in unet.state_dict().items():
        old = next(part for part in blocks if name.startswith(f"{part}."))
        rest = name.removeprefix(old)
        if "resnets" in old:
            for part, original in _UNET_RESNET.items():
                rest = rest.replace(part, original)
        tensors[blocks[old] + rest] = tensor
    return tensors


def vae_tensors(vae: Any) -> Tensors:
    """Return a VAE's tensors under the names of the original checkpoints."""
    last = len(vae.config.block_out_channels) - 1
    tensors: Tensors = {}
    for name, tensor in vae.state_dict().items():
        new = name
        if "attentions" in name:
            for part, original in _VAE_ATTENTION.items():
                new = new.replace(part, original)
            if new.endswith("weight") and ".norm." not in new:
                tensor = tensor[:, :, None, None]
        for part, original in _VAE_PARTS.items():
            new = new.replace(part, original)
        for level in range(last + 1):
            new = new.replace(f"down_blocks.{level}.resnets.", f"down.{level}.block.")
            new = new.replace(f"down_blocks.{level}.downsamplers.0", f"down.{level}.downsample")
            new = new.replace(f"up_blocks.{level}.resnets.", f"up.{last - level}.block.")
            new = new.replace(f"up_blocks.{level}.upsamplers.0", f"up.{last - level}.upsample")
        tensors[new] = tensor
    return tensors


def _text(tensors: Tensors) -> Tensors:
    # transformers has dropped the outer name of one of the two classes.
    return {
        name
        if name.startswith(("text_model.", "text_projection"))
        else f"text_model.{name}": tensor
        for name, tensor in tensors.items()
    }


def _open_clip(tensors: Tensors) -> Tensors:
    found: Tensors = {}
    for name, tensor in tensors.items():
        if name == "text_projection.weight":
            found["text_projection"] = tensor.T
            continue
        head, middle, tail = name.partition(".self_attn.q_proj.")
        if middle:
            parts = [tensors[f"{head}.self_attn.{letter}_proj.{tail}"] for letter in "qkv"]
            number = head.rpartition(".")[2]
            found[f"transformer.resblocks.{number}.attn.in_proj_{tail}"] = torch.cat(parts)
            continue
        if ".k_proj." in name or ".v_proj." in name:
            continue
        for part, original in _OPEN_CLIP.items():
            name = name.replace(part, original)
        found[name] = tensor
    return found
