"""Enlarges drawings without a network: smooth outlines, as if they had been drawn larger.

Upscalers are trained on photographs and take the stairs of a slanted outline for detail. Here the
picture is interpolated softly, which removes the stairs, and its outlines are made crisp again:
every value moves towards the nearer of the darkest and the brightest value around it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from studio.engine.tasks.upscale.tiles import Pixels

_SOFTNESS = 0.7
"""Of the interpolation, as the standard deviation of a Gaussian, in source pixels."""

_REACH = 1.5
"""How far around the darkest and brightest values are looked for, in source pixels."""

_STEEPNESS = 2.5
"""1 leaves outlines as soft as they are."""

_BYTES_PER_PIXEL = 4 * 3 * 8
"""For each pixel of the result: about eight planes of three channels in float32."""


class SmoothUpscaler:
    """Has what `Enlarger` needs of an `Upscaler`. All steps reach less than 10 source pixels."""

    channels = 3
    multiple = 1
    wants_large_tiles = False
    nbytes = 0

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def precision(self, _bits: int) -> torch.dtype:
        """Return the precision: all pictures are computed in full."""
        return torch.float32

    def bytes_per_pixel(self, _dtype: torch.dtype) -> int:
        """Return the peak memory per source pixel of a tile, in bytes."""
        return _BYTES_PER_PIXEL * self.scale**2

    def enlarge(self, pixels: Pixels, _dtype: torch.dtype) -> Pixels:
        """Enlarge one tile of shape (height, width, channels), 0 to 1."""
        scale = self.scale
        with torch.inference_mode():
            small = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
            large = F.interpolate(small, scale_factor=scale, mode="bilinear")
            soft = _blurred(large, _SOFTNESS * scale)
            crisp = _crisp(soft, max(1, round(_REACH * scale)), scale / 2)
            result: Pixels = crisp[0].permute(1, 2, 0).clamp(0, 1).numpy()
        return result


def _crisp(soft: torch.Tensor, reach: int, blur: float) -> torch.Tensor:
    """Move each value of (1, channels, height, width) towards the nearer extreme around it."""
    lowest = _blurred(-_highest(-soft, reach), blur)
    span = (_blurred(_highest(soft, reach), blur) - lowest).clamp_min(1e-5)
    place = ((soft - lowest) / span - 0.5) * _STEEPNESS + 0.5
    place = place.clamp(0, 1)
    return lowest + span * place.square() * (3 - 2 * place)


def _highest(planes: torch.Tensor, reach: int) -> torch.Tensor:
    for sides in ((2 * reach + 1, 1), (1, 2 * reach + 1)):
        margin = (sides[1] // 2, sides[1] // 2, sides[0] // 2, sides[0] // 2)
        planes = F.max_pool2d(F.pad(planes, margin, mode="replicate"), sides, stride=1)
    return planes


def _blurred(planes: torch.Tensor, deviation: float) -> torch.Tensor:
    radius = math.ceil(3 * deviation)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / deviation) ** 2)
    weights = (weights / weights.sum()).to(planes.dtype)
    channels = planes.shape[1]
    for shape, margin in (
        ((1, 1, -1, 1), (0, 0, radius, radius)),
        ((1, 1, 1, -1), (radius, radius, 0, 0)),
    ):
        kernel = weights.view(shape).expand(channels, 1, -1, -1)
        padded = F.pad(planes, margin, mode="replicate")
        planes = F.conv2d(padded, kernel.contiguous(), groups=channels)
    return planes
