"""Repairs of single pipelines' faults, found in diffusers 0.42.1. Each says what it mends."""

from __future__ import annotations

from typing import Any

import torch


def mend(pipeline: Any) -> None:
    """Repair a pipeline that was just loaded. What needs no repair is not touched."""
    transformer = getattr(pipeline, "transformer", None)
    if transformer is not None and type(transformer).__name__ == "PRXTransformer2DModel":
        transformer.register_forward_pre_hook(_even_timestep, with_kwargs=True)


def _even_timestep(
    network: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give a PRX network one timestep for each picture, and pixels of its own precision.

    With guidance the PRX pipelines pass two timesteps whatever the number of pictures, which
    fails for more than one. And they compute with latents of the text encoder's precision;
    latents in float32 keep the steps of a pixel's brightness apart, but must not reach the
    network as such.
    """
    pixels, timestep = kwargs.get("hidden_states"), kwargs.get("timestep")
    if pixels is None or timestep is None:
        return args, kwargs
    count = pixels.shape[0]
    dtype: torch.dtype = next(network.parameters()).dtype
    if dtype.itemsize == 1:
        # Weights kept in 8 bits; asking for what they are computed in takes far longer.
        dtype = network.dtype
    if timestep.shape[0] not in (1, count):
        # All of them are the same number.
        timestep = timestep[:1].expand(count)
    return args, {**kwargs, "timestep": timestep, "hidden_states": pixels.to(dtype)}
