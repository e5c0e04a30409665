"""Writes the denoiser of a pipeline under the tensor names of its authors.

The inverse of what the app and diffusers read, so that a file gives the picture of its folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from studio.engine.tasks.image.model import denoiser_names

Tensors = dict[str, torch.Tensor]

_SD3 = {
    "pos_embed.pos_embed": "pos_embed",
    "pos_embed.proj": "x_embedder.proj",
    "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
    "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
    "context_embedder": "context_embedder",
    "proj_out": "final_layer.linear",
    "attn.to_out.0": "x_block.attn.proj",
    "attn.to_add_out": "context_block.attn.proj",
    "norm1.linear": "x_block.adaLN_modulation.1",
    "norm1_context.linear": "context_block.adaLN_modulation.1",
    "ff.net.0.proj": "x_block.mlp.fc1",
    "ff.net.2": "x_block.mlp.fc2",
    "ff_context.net.0.proj": "context_block.mlp.fc1",
    "ff_context.net.2": "context_block.mlp.fc2",
}
_FLUX2 = {
    "x_embedder": "img_in",
    "context_embedder": "txt_in",
    "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
    "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
    "double_stream_modulation_img.linear": "double_stream_modulation_img.lin",
    "double_stream_modulation_txt.linear": "double_stream_modulation_txt.lin",
    "single_stream_modulation.linear": "single_stream_modulation.lin",
    "proj_out": "final_layer.linear",
    "attn.norm_q": "img_attn.norm.query_norm",
    "attn.norm_k": "img_attn.norm.key_norm",
    "attn.to_out.0": "img_attn.proj",
    "ff.linear_in": "img_mlp.0",
    "ff.linear_out": "img_mlp.2",
    "attn.norm_added_q": "txt_attn.norm.query_norm",
    "attn.norm_added_k": "txt_attn.norm.key_norm",
    "attn.to_add_out": "txt_attn.proj",
    "ff_context.linear_in": "txt_mlp.0",
    "ff_context.linear_out": "txt_mlp.2",
}
_FLUX2_SINGLE = {
    "attn.to_qkv_mlp_proj": "linear1",
    "attn.to_out": "linear2",
    "attn.norm_q": "norm.query_norm",
    "attn.norm_k": "norm.key_norm",
}
_SANA = {
    "patch_embed.proj": "x_embedder.proj",
    "time_embed.emb.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "time_embed.emb.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "time_embed.linear": "t_block.1",
    "caption_projection.linear_1": "y_embedder.y_proj.fc1",
    "caption_projection.linear_2": "y_embedder.y_proj.fc2",
    "caption_norm": "attention_y_norm",
    "proj_out": "final_layer.linear",
    "attn1.to_out.0": "attn.proj",
    "attn2.to_q": "cross_attn.q_linear",
    "attn2.to_out.0": "cross_attn.proj",
    "ff.conv_inverted": "mlp.inverted_conv.conv",
    "ff.conv_depth": "mlp.depth_conv.conv",
    "ff.conv_point": "mlp.point_conv.conv",
}


def write_denoiser(pipeline: Any, path: Path, prefix: str = "", **others: Tensors) -> Path:
    """Write the transformer of a pipeline as one file; return its path.

    `others` are tensors by the prefix (with `__` for each dot) of further networks in the file.
    """
    state = dict(pipeline.transformer.state_dict())
    renamed = _WRITERS[type(pipeline.transformer).__name__](state)
    tensors = {prefix + name: tensor for name, tensor in renamed.items()}
    for name, network in others.items():
        tensors |= {name.replace("__", ".") + key: tensor for key, tensor in network.items()}
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path)
    return path


def _flux(state: Tensors) -> Tensors:
    ends = {new: old for old, new in denoiser_names._FLUX_ENDS.items()}
    double = {new: old for old, new in denoiser_names._FLUX_DOUBLE.items()}
    single = {new: old for old, new in denoiser_names._FLUX_SINGLE.items()}
    result: Tensors = {}
    for name, tensor in _joined(
        state,
        {
            r"^(transformer_blocks\.\d+\.)attn\.to_[qkv]\.": r"\1img_attn.qkv.",
            r"^(transformer_blocks\.\d+\.)attn\.add_[qkv]_proj\.": r"\1txt_attn.qkv.",
            r"(single_transformer_blocks\.\d+\.)(?:attn\.to_[qkv]|proj_mlp)\.": r"\1linear1.",
        },
    ).items():
        stem, _, end = name.rpartition(".")
        if stem == "norm_out.linear":
            result[f"final_layer.adaLN_modulation.1.{end}"] = _swapped(tensor)
            continue
        group, _, rest = stem.partition("transformer_blocks.")
        if not rest:
            result[f"{ends[stem]}.{end}"] = tensor
            continue
        number, _, inner = rest.partition(".")
        table = single if group else double
        old = table.get(inner, inner)
        end = "scale" if "norm." in old and "_norm" in old else end
        result[f"{'single' if group else 'double'}_blocks.{number}.{old}.{end}"] = tensor
    return result


def _flux2(state: Tensors) -> Tensors:
    result: Tensors = {}
    for name, tensor in _joined(
        state,
        {
            r"^(transformer_blocks\.\d+\.)attn\.to_[qkv]\.": r"\1img_attn.qkv.",
            r"^(transformer_blocks\.\d+\.)attn\.add_[qkv]_proj\.": r"\1txt_attn.qkv.",
        },
    ).items():
        stem, _, end = name.rpartition(".")
        if stem == "norm_out.linear":
            result[f"final_layer.adaLN_modulation.1.{end}"] = _swapped(tensor)
            continue
        group, _, rest = stem.partition("transformer_blocks.")
        number, _, inner = rest.partition(".")
        if not rest:
            result[f"{_FLUX2[stem]}.{end}"] = tensor
            continue
        old = _FLUX2_SINGLE.get(inner, inner) if group else _FLUX2.get(inner, inner)
        end = "scale" if "_norm" in old else end
        result[f"{'single' if group else 'double'}_blocks.{number}.{old}.{end}"] = tensor
    return result


def _sd3(state: Tensors) -> Tensors:
    result: Tensors = {}
    last = max(int(name.split(".")[1]) for name in state if name.startswith("transformer_blocks"))
    for name, tensor in _joined(
        state,
        {
            r"(transformer_blocks\.\d+\.)attn\.to_[qkv]\.": r"\1x_block.attn.qkv.",
            r"^(transformer_blocks\.\d+\.)attn\.add_[qkv]_proj\.": r"\1context_block.attn.qkv.",
        },
    ).items():
        if name in _SD3:
            result[_SD3[name]] = tensor
            continue
        stem, _, end = name.rpartition(".")
        if stem == "norm_out.linear":
            result[f"final_layer.adaLN_modulation.1.{end}"] = _swapped(tensor)
            continue
        if stem.startswith("transformer_blocks."):
            _, number, inner = stem.split(".", 2)
            is_last = int(number) == last and inner == "norm1_context.linear"
            key = f"joint_blocks.{number}.{_SD3.get(inner, inner)}.{end}"
            result[key] = _swapped(tensor) if is_last else tensor
        else:
            result[f"{_SD3[stem]}.{end}"] = tensor
    return result


def _z_image(state: Tensors) -> Tensors:
    result: Tensors = {}
    joined = _joined(state, {r"\.attention\.to_[qkv]\.": ".attention.qkv."})
    for name, tensor in joined.items():
        for new, old in (
            ("all_final_layer.2-1.", "final_layer."),
            ("all_x_embedder.2-1.", "x_embedder."),
            (".attention.to_out.0.", ".attention.out."),
            (".attention.norm_k.", ".attention.k_norm."),
            (".attention.norm_q.", ".attention.q_norm."),
        ):
            name = name.replace(new, old)
        result[name] = tensor
    return result


def _pixart(state: Tensors) -> Tensors:
    ends = {new: old for old, new in denoiser_names._PIXART_ENDS.items()}
    block = {new: old for old, new in denoiser_names._PIXART_BLOCK.items()}
    result = {"pos_embed": torch.zeros(1, 16 * 16, 72), "y_embedder.y_embedding": torch.zeros(1)}
    return _of_blocks(state, ends, block, result, "final_layer.scale_shift_table")


def _sana(state: Tensors) -> Tensors:
    result = {"pos_embed": torch.zeros(1, 32 * 32, 32), "y_embedder.y_embedding": torch.zeros(1)}
    return _of_blocks(state, _SANA, _SANA, result, "final_layer.scale_shift_table")


def _of_blocks(
    state: Tensors, ends: dict[str, str], block: dict[str, str], result: Tensors, last: str
) -> Tensors:
    joined = _joined(
        state, {r"attn1\.to_[qkv]\.": "attn.qkv.", r"attn2\.to_[kv]\.": "cross_attn.kv_linear."}
    )
    for name, tensor in joined.items():
        stem, _, end = name.rpartition(".")
        if name == "scale_shift_table":
            result[last] = tensor
        elif stem.startswith("transformer_blocks."):
            _, number, *rest = stem.split(".", 2)
            inner = block.get(rest[0], rest[0]) + "." if rest else ""
            result[f"blocks.{number}.{inner}{end}"] = tensor
        else:
            result[f"{ends[stem]}.{end}"] = tensor
    return result


def _joined(state: Tensors, groups: dict[str, str]) -> Tensors:
    """Join tensors whose names become the same, in their order."""
    order = {"q": 0, "k": 1, "v": 2}
    found: dict[str, list[tuple[int, torch.Tensor]]] = {}
    for name, tensor in state.items():
        new = name
        for pattern, replacement in groups.items():
            new = re.sub(pattern, replacement, new)
        letter = re.search(r"(?:to|add)_([qkv])(?:_proj)?\.", name)
        found.setdefault(new, []).append((order[letter[1]] if letter else 3, tensor))
    return {
        name: torch.cat([tensor for _, tensor in sorted(parts, key=lambda pair: pair[0])])
        if len(parts) > 1
        else parts[0][1]
        for name, parts in found.items()
    }


def _swapped(tensor: torch.Tensor) -> torch.Tensor:
    first, second = tensor.chunk(2, dim=0)
    return torch.cat([second, first], dim=0)


_WRITERS: dict[str, Callable[[Tensors], Tensors]] = {
    "FluxTransformer2DModel": _flux,
    "Flux2Transformer2DModel": _flux2,
    "SD3Transformer2DModel": _sd3,
    "ZImageTransformer2DModel": _z_image,
    "PixArtTransformer2DModel": _pixart,
    "SanaTransformer2DModel": _sana,
    "QwenImageTransformer2DModel": lambda state: state,
}
