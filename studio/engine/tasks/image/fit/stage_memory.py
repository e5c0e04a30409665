"""Predicts the working memory of each stage of drawing, above the loaded weights.

Where main memory runs out, the system kills the process instead of reporting it, so what saves
memory has to be chosen before the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from studio.engine.tasks.image.model.load import LoadedPipeline

_DENOISE = 450
"""Peak elements per pixel and picture while denoising with guidance: measured with the UNet of
Stable Diffusion 1.5 at 512 × 512 in float32, 0.47 GB."""

_DENOISE_IN_PIXELS = 300
"""The same for pipelines that denoise pixels."""

_DECODE = 1_300
"""Peak elements per pixel and picture while the VAE decodes: measured likewise, 1.2 GB."""

_LARGEST_TILE = 512
_SMALLEST_TILE = 256
"""Sides in pixels. Smaller tiles show in the colours of large areas."""


@dataclass(frozen=True)
class StageMemory:
    """Bytes for one picture, and the bytes of the text encoders."""

    denoise: int
    decode: int
    decode_tiled: int
    encoders: int


def stage_memory(loaded: LoadedPipeline, width: int, height: int) -> StageMemory:
    """Return what each stage needs for a picture of this size in the pipeline's precision."""
    size = torch.empty((), dtype=loaded.dtype).element_size()
    pixels = width * height
    vae: Any = getattr(loaded.pipeline, "vae", None)
    if vae is None:
        return StageMemory(pixels * size * _DENOISE_IN_PIXELS, 0, 0, encoder_bytes(loaded))
    decode = pixels * size * _DECODE
    return StageMemory(
        denoise=pixels * size * _DENOISE,
        decode=decode,
        decode_tiled=min(decode, tile_side(width, height) ** 2 * size * _DECODE),
        encoders=encoder_bytes(loaded),
    )


def tile_side(width: int, height: int) -> int:
    """Return the side of the VAE's tiles for a picture: about half of the picture's."""
    return max(_SMALLEST_TILE, min(_LARGEST_TILE, min(width, height) // 2 // 64 * 64))


def set_tile_side(vae: Any, side: int) -> None:
    """Let a VAE work in tiles of this side.

    By default the tiles of many are as large as the pictures that they were trained with, so that
    tiling them changes nothing.
    """
    latent, sample = "tile_latent_min_size", "tile_sample_min_size"
    if hasattr(vae, latent) and hasattr(vae, sample) and getattr(vae, sample) > side:
        factor = max(1, getattr(vae, sample) // max(1, getattr(vae, latent)))
        setattr(vae, sample, side)
        setattr(vae, latent, max(1, side // factor))


def encoder_bytes(loaded: LoadedPipeline) -> int:
    """Return the size of the text encoders in memory, in bytes."""
    return sum(
        tensor.numel() * tensor.element_size()
        for name, network in loaded.networks().items()
        if name.startswith("text_encoder")
        for tensor in network.parameters()
    )
