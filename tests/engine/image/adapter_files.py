"""LoRA and embedding files for tiny pipelines, with seeded random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from studio.models.identify import describe_path
from studio.protocol import ModelRef
from tests.engine import tiny_pipelines

_RANK = 2
_STRENGTH = 0.6
"""Standard deviation of the weights, large enough to change a picture clearly."""

_LAYERS = ("to_q", "to_k", "to_v")


def lora_file(folder: Path, family: str, seed: int = 1) -> ModelRef:
    """Write a LoRA in the format of diffusers for the attention of a family's denoiser."""
    part, network = _denoiser(tiny_pipelines.build(family))
    return lora_of(part, network, folder / f"{family} {seed}.safetensors", seed)


def lora_of(part: str, network: Any, path: Path, seed: int = 1) -> ModelRef:
    """Write a LoRA in the format of diffusers for the attention of a network."""
    tensors: dict[str, torch.Tensor] = {}
    for name, layer in _attention(network):
        down, up = _pair(layer, seed)
        tensors[f"{part}.{name}.lora_A.weight"] = down
        tensors[f"{part}.{name}.lora_B.weight"] = up
    return _described(tensors, path)


def kohya_file(folder: Path, family: str, seed: int = 1) -> ModelRef:
    """Write the LoRA of `lora_file` in the format of kohya's scripts."""
    part, network = _denoiser(tiny_pipelines.build(family))
    assert part == "unet"
    tensors: dict[str, torch.Tensor] = {}
    for name, layer in _attention(network):
        down, up = _pair(layer, seed)
        key = f"lora_unet_{name.replace('.', '_')}"
        tensors[f"{key}.lora_down.weight"] = down
        tensors[f"{key}.lora_up.weight"] = up
        tensors[f"{key}.alpha"] = torch.tensor(float(_RANK))
    return _described(tensors, folder / f"kohya {family} {seed}.safetensors")


def embedding_file(folder: Path, name: str = "zkfox", rows: int = 2, width: int = 32) -> ModelRef:
    """Write an embedding of `rows` vectors in the format of A1111."""
    generator = torch.Generator().manual_seed(3)
    values = torch.randn((rows, width), generator=generator)
    path = folder / f"{name}.safetensors"
    save_file({"emb_params": values}, str(path))
    return ModelRef(
        id=name,
        name=name,
        task="image",
        format="embedding",
        path=str(path),
        role="embedding",
        trigger_words=(name,),
    )


def _denoiser(pipeline: Any) -> tuple[str, torch.nn.Module]:
    if hasattr(pipeline, "unet"):
        return "unet", pipeline.unet
    return "transformer", pipeline.transformer


def _attention(network: torch.nn.Module) -> list[tuple[str, torch.nn.Linear]]:
    return [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, torch.nn.Linear) and name.endswith(_LAYERS)
    ]


def _pair(layer: torch.nn.Linear, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    down = torch.randn((_RANK, layer.in_features), generator=generator)
    up = torch.randn((layer.out_features, _RANK), generator=generator)
    return down * _STRENGTH, up * _STRENGTH


def _described(tensors: dict[str, torch.Tensor], path: Path) -> ModelRef:
    save_file(tensors, str(path))
    ref = describe_path(path)
    assert ref.role == "lora"
    return ref
