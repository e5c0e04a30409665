"""Workarounds for bugs of individual pipelines in diffusers 0.42.1."""

from __future__ import annotations

from typing import Any

import torch


def apply_fixes(pipeline: Any) -> None:
    """Apply the workarounds that a newly loaded pipeline needs."""
    transformer = getattr(pipeline, "transformer", None)
    if transformer is not None and type(transformer).__name__ == "PRXTransformer2DModel":
        transformer.register_forward_pre_hook(_fix_prx_inputs, with_kwargs=True)


def _fix_prx_inputs(
    network: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Pass a PRX network one timestep per picture, and pixels in its own precision.

    With guidance, the PRX pipelines always pass two timesteps, which fails for more than one
    picture. They also compute with latents in the text encoder's precision. Latents in float32
    preserve fine differences in brightness, but must be cast for the network.
    """
    pixels, timestep = kwargs.get("hidden_states"), kwargs.get("timestep")
    if pixels is None or timestep is None:
        return args, kwargs
    count = pixels.shape[0]
    dtype: torch.dtype = next(network.parameters()).dtype
    if dtype.itemsize == 1:
        # Weights stored in 8 bits. The network's `dtype` is slow, so it is only read here.
        dtype = network.dtype
    if timestep.shape[0] not in (1, count):
        # All timesteps are equal.
        timestep = timestep[:1].expand(count)
    return args, {**kwargs, "timestep": timestep, "hidden_states": pixels.to(dtype)}
