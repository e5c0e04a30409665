"""Cheap previews of a picture while it is drawn.

The latents between steps are mostly noise, so previews show the model's estimate of the clean
result, which can be computed at each step. Latents are converted to colours by a linear map that
is fitted once to the loaded VAE by encoding a few synthetic pictures. This needs no table of
known models and works for any number of channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio.engine.tasks.image.model.schedulers import Step, is_flow, is_unscaled

LARGEST = 256
"""Maximum side of a preview in pixels."""

_PATCHES = 8
"""Side of a synthetic picture in latents."""


@dataclass(frozen=True)
class ColourMap:
    """Converts latents to colours: `latent @ weights + bias` is RGB from -1 to 1.

    `weights` has the shape (channels, 3), `bias` (3,).
    """

    weights: torch.Tensor
    bias: torch.Tensor

    def __call__(self, latents: torch.Tensor) -> torch.Tensor:
        """Return (3, H, W) for latents (channels, H, W)."""
        moved = latents.permute(1, 2, 0).to(self.weights)
        return (moved @ self.weights + self.bias).permute(2, 0, 1)


def fit_colour_map(encode: Callable[[torch.Tensor], torch.Tensor], scale: int) -> ColourMap | None:
    """Fit a map from latents to colours; None if the VAE's output is not usable.

    Args:
        encode: converts pictures (N, 3, H, W) from -1 to 1 to latents (N, C, h, w) as the
            denoiser takes them.
        scale: pixels per latent along one side.
    """
    generator = torch.Generator().manual_seed(0)
    side = _PATCHES * scale
    # Random colour fields from coarse to fine; the coarse ones matter most for a preview.
    fields = [
        torch.nn.functional.interpolate(
            torch.rand(1, 3, cells, cells, generator=generator) * 2 - 1,
            size=(side, side),
            mode="nearest" if cells > 2 else "bilinear",
        )
        for cells in (1, 2, 4, _PATCHES)
    ]
    pictures = torch.cat(fields)
    latents = encode(pictures).float().cpu()
    if latents.ndim == 5:
        latents = latents[:, :, 0]
    if latents.ndim != 4 or not bool(torch.isfinite(latents).all()):
        return None
    colours = torch.nn.functional.adaptive_avg_pool2d(
        pictures, (latents.shape[-2], latents.shape[-1])
    )
    channels = latents.shape[1]
    rows = latents.permute(0, 2, 3, 1).reshape(-1, channels)
    rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
    target = colours.permute(0, 2, 3, 1).reshape(-1, 3)
    # Slight regularisation, so that channels with little variance do not get huge weights.
    damping = 1e-3 * rows.square().sum() / len(rows[0]) * torch.eye(channels + 1)
    solved = torch.linalg.solve(rows.T @ rows + damping, rows.T @ target)
    return ColourMap(solved[:-1], solved[-1])


def clean_estimate(step: Step) -> torch.Tensor:
    """Return the model's estimate of the clean result, in the shape of the latents.

    For unknown kinds of schedulers, returns the noisy latents.
    """
    scheduler: Any = step.scheduler
    sample, output = step.sample.float(), step.output.float()
    if output.shape != sample.shape:
        return step.following
    kind = scheduler.config.get("prediction_type", "epsilon")
    index = getattr(scheduler, "step_index", None)
    sigmas = getattr(scheduler, "sigmas", None)
    # sample = alpha × clean result + noise × standard normal
    alpha: float
    noise: float
    if sigmas is not None and index is not None:
        sigma = float(sigmas[max(0, index - 1)])
        if is_flow(scheduler):
            return sample - sigma * output
        alpha = 1.0 / (sigma**2 + 1.0) ** 0.5
        noise = sigma * alpha
        if is_unscaled(scheduler):
            # Here, sample = clean result + sigma × standard normal.
            sample = sample * alpha
    elif getattr(scheduler, "alphas_cumprod", None) is not None:
        place = min(int(step.timestep), len(scheduler.alphas_cumprod) - 1)
        product = float(scheduler.alphas_cumprod[place])
        alpha, noise = product**0.5, (1.0 - product) ** 0.5
    else:
        return step.following
    if kind == "epsilon":
        return (sample - noise * output) / max(alpha, 1e-4)
    if kind == "v_prediction":
        return alpha * sample - noise * output
    return output if kind == "sample" else step.following


def unpack(latents: torch.Tensor, height: int, width: int, scale: int) -> torch.Tensor | None:
    """Convert latents to (N, C, h, w); None for unknown shapes.

    Flux and similar pipelines pack 2×2 latents into one token: (N, h/2·w/2, 4·C). `height` and
    `width` are the picture's, in pixels; `scale` is the number of pixels per latent.
    """
    if latents.ndim == 5:
        return latents[:, :, 0]
    if latents.ndim == 4:
        return latents
    rows, columns = height // (2 * scale), width // (2 * scale)
    if latents.ndim != 3 or latents.shape[1] != rows * columns or latents.shape[2] % 4:
        return None
    count, channels = latents.shape[0], latents.shape[2] // 4
    tokens = latents.reshape(count, rows, columns, channels, 2, 2)
    return tokens.permute(0, 3, 1, 4, 2, 5).reshape(count, channels, 2 * rows, 2 * columns)


def to_image(latents: torch.Tensor, colours: ColourMap | None) -> Image.Image | None:
    """Return a preview of one result's latents (C, h, w), None if that is not possible.

    Without a `ColourMap`, the latents must be RGB pixels from -1 to 1.
    """
    if colours is not None and latents.shape[0] == colours.weights.shape[0]:
        pixels = colours(latents.float().cpu())
    elif colours is None and latents.shape[0] == 3:
        pixels = latents.float().cpu()
    else:
        return None
    shrink = -(-max(pixels.shape[-2:]) // LARGEST)
    if shrink > 1:
        pixels = torch.nn.functional.avg_pool2d(pixels[None], shrink)[0]
    values = ((pixels + 1) * 127.5).nan_to_num(0).round().clamp(0, 255)
    image = Image.fromarray(values.to(torch.uint8).permute(1, 2, 0).numpy().astype(np.uint8))
    enlarge = min(4, LARGEST // max(image.size))
    if colours is not None and enlarge > 1:
        size = (image.width * enlarge, image.height * enlarge)
        image = image.resize(size, Image.Resampling.BILINEAR)
    return image


def save(image: Image.Image, path: Path) -> None:
    """Write a preview as a JPEG."""
    image.save(path, "JPEG", quality=80)


def scale_of(pipeline: Any) -> int:
    """Return the number of pixels per latent along one side, 1 for pixel pipelines."""
    return int(getattr(pipeline, "vae_scale_factor", 1) or 1)
