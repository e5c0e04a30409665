"""Renames the tensors of denoisers from the layout of their authors to that of diffusers.

Only where diffusers does not do it: it has no table for PixArt, and the one for FLUX.1 is bound to
the width of the published models. Names follow `diffusers/loaders/single_file_utils.py` and
`scripts/convert_pixart_sigma_to_diffusers.py` (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

State = dict[str, Any]
"""Name → tensor."""

_FLUX_ENDS = {
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "txt_in": "context_embedder",
    "img_in": "x_embedder",
    "final_layer.linear": "proj_out",
}
_FLUX_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.norm.query_norm": "attn.norm_q",
    "img_attn.norm.key_norm": "attn.norm_k",
    "txt_attn.norm.query_norm": "attn.norm_added_q",
    "txt_attn.norm.key_norm": "attn.norm_added_k",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
}
_FLUX_SINGLE = {
    "modulation.lin": "norm.linear",
    "norm.query_norm": "attn.norm_q",
    "norm.key_norm": "attn.norm_k",
    "linear2": "proj_out",
}
_PIXART_ENDS = {
    "x_embedder.proj": "pos_embed.proj",
    "y_embedder.y_proj.fc1": "caption_projection.linear_1",
    "y_embedder.y_proj.fc2": "caption_projection.linear_2",
    "t_embedder.mlp.0": "adaln_single.emb.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "adaln_single.emb.timestep_embedder.linear_2",
    "csize_embedder.mlp.0": "adaln_single.emb.resolution_embedder.linear_1",
    "csize_embedder.mlp.2": "adaln_single.emb.resolution_embedder.linear_2",
    "ar_embedder.mlp.0": "adaln_single.emb.aspect_ratio_embedder.linear_1",
    "ar_embedder.mlp.2": "adaln_single.emb.aspect_ratio_embedder.linear_2",
    "t_block.1": "adaln_single.linear",
    "final_layer.linear": "proj_out",
}
_PIXART_BLOCK = {
    "attn.proj": "attn1.to_out.0",
    "cross_attn.q_linear": "attn2.to_q",
    "cross_attn.proj": "attn2.to_out.0",
    "mlp.fc1": "ff.net.0.proj",
    "mlp.fc2": "ff.net.2",
}


def converter_of(kind: type[Any]) -> Callable[[State], State] | None:
    """Return the function that renames the tensors of a diffusers class, None if diffusers does."""
    return {
        "FluxTransformer2DModel": diffusers_names_of_flux,
        "PixArtTransformer2DModel": diffusers_names_of_pixart,
        "UNet2DConditionModel": with_prefix_of_checkpoints,
    }.get(kind.__name__)


def with_prefix_of_checkpoints(state: State) -> State:
    """Return the tensors of a U-Net under the names that diffusers looks for."""
    return {f"model.diffusion_model.{name}": tensor for name, tensor in state.items()}


def diffusers_names_of_flux(state: State) -> State:
    """Return the tensors of a transformer of FLUX.1 under the names of diffusers.

    Raises `KeyError` for names that it does not have.
    """
    renamed: State = {}
    for name, tensor in state.items():
        stem, _, end = name.rpartition(".")
        # Norms call their weights a scale.
        end = "weight" if end == "scale" else end
        group, _, rest = stem.partition(".")
        number, _, inner = rest.partition(".")
        if stem == "final_layer.adaLN_modulation.1":
            shift, scale = tensor.chunk(2, dim=0)
            renamed[f"norm_out.linear.{end}"] = torch.cat([scale, shift], dim=0)
        elif group == "double_blocks" and inner.endswith("attn.qkv"):
            names = ("to_q", "to_k", "to_v")
            if inner.startswith("txt"):
                names = ("add_q_proj", "add_k_proj", "add_v_proj")
            for part, chunk in zip(names, tensor.chunk(3, dim=0), strict=True):
                renamed[f"transformer_blocks.{number}.attn.{part}.{end}"] = chunk
        elif group == "double_blocks":
            renamed[f"transformer_blocks.{number}.{_FLUX_DOUBLE[inner]}.{end}"] = tensor
        elif group == "single_blocks" and inner == "linear1":
            width = state[f"single_blocks.{number}.linear2.bias"].shape[0]
            sizes = [width, width, width, tensor.shape[0] - 3 * width]
            linear = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
            for part, chunk in zip(linear, torch.split(tensor, sizes, dim=0), strict=True):
                renamed[f"single_transformer_blocks.{number}.{part}.{end}"] = chunk
        elif group == "single_blocks":
            renamed[f"single_transformer_blocks.{number}.{_FLUX_SINGLE[inner]}.{end}"] = tensor
        else:
            renamed[f"{_FLUX_ENDS[stem]}.{end}"] = tensor
    return renamed


def diffusers_names_of_pixart(state: State) -> State:
    """Return the tensors of a transformer of PixArt under the names of diffusers.

    Raises `KeyError` for names that it does not have.
    """
    renamed: State = {}
    for name, tensor in state.items():
        stem, _, end = name.rpartition(".")
        # The positions are computed; the encoding of no prompt comes from the text encoder.
        if name in ("pos_embed", "y_embedder.y_embedding"):
            continue
        if end == "scale_shift_table":
            block = stem.replace("blocks.", "transformer_blocks.") + "."
            renamed[("" if stem == "final_layer" else block) + end] = tensor
        elif stem.startswith("blocks."):
            _, number, inner = stem.split(".", 2)
            block = f"transformer_blocks.{number}"
            if inner == "attn.qkv":
                for part, chunk in zip("qkv", tensor.chunk(3, dim=0), strict=True):
                    renamed[f"{block}.attn1.to_{part}.{end}"] = chunk
            elif inner == "cross_attn.kv_linear":
                for part, chunk in zip("kv", tensor.chunk(2, dim=0), strict=True):
                    renamed[f"{block}.attn2.to_{part}.{end}"] = chunk
            else:
                renamed[f"{block}.{_PIXART_BLOCK[inner]}.{end}"] = tensor
        else:
            renamed[f"{_PIXART_ENDS[stem]}.{end}"] = tensor
    return renamed
