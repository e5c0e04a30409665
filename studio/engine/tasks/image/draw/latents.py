"""Latents from noise and pictures, with one generator per picture: independent of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio.engine.tasks.image.model.img2img_support import denoiser, works_on_pixels
from studio.engine.tasks.image.model.preview import scale_of
from studio.engine.tasks.image.model.schedulers import cut_schedule, is_flow


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """Return one generator per picture, on the CPU for the same numbers on every device."""
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def as_pixels(image: Image.Image) -> torch.Tensor:
    """Return an RGB picture as (1, 3, H, W) in float32 from -1 to 1."""
    values = np.asarray(image.convert("RGB"), dtype=np.float32) / 127.5 - 1.0
    return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous()


def encode(pipeline: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Encode pixels (N, 3, H, W) from -1 to 1 to latents as the denoiser takes them.

    Without a VAE, these are the pixels themselves. Deterministic: uses the mode of the VAE's
    distribution.
    """
    vae = getattr(pipeline, "vae", None)
    if vae is None:
        return pixels
    config = vae.config
    dtype = vae.dtype
    upcast = bool(config.get("force_upcast")) and dtype == torch.float16
    if upcast:
        vae.to(torch.float32)
    try:
        with torch.no_grad():
            pixels = pixels.to(device=pipeline._execution_device, dtype=vae.dtype)
            needs_frames = len(next(iter(vae.parameters())).shape) == 5
            encoded = vae.encode(pixels[:, :, None] if needs_frames else pixels)
    finally:
        if upcast:
            vae.to(dtype)
    latents: torch.Tensor = (
        encoded.latent if hasattr(encoded, "latent") else encoded.latent_dist.mode()
    )
    latents = latents.float()
    mean, std = config.get("latents_mean"), config.get("latents_std")
    if mean is not None and std is not None:
        shape = (1, -1, *([1] * (latents.ndim - 2)))
        center = torch.as_tensor(mean, dtype=torch.float32, device=latents.device).reshape(shape)
        spread = torch.as_tensor(std, dtype=torch.float32, device=latents.device).reshape(shape)
        return (latents - center) / spread * float(config.get("scaling_factor") or 1.0)
    shift = float(config.get("shift_factor") or 0.0)
    return (latents - shift) * float(config.get("scaling_factor") or 1.0)


def starting_latents(
    pipeline: Any,
    scheduler: Any | None,
    random_generators: Sequence[torch.Generator],
    size: tuple[int, int],
    *,
    steps: int,
    clean: torch.Tensor | None = None,
    strength: float = 1.0,
) -> torch.Tensor | None:
    """Return the `latents` argument of a pipeline, None if the pipeline creates them itself.

    Args:
        pipeline: one that works on pixels, or any pipeline if `clean` is given.
        scheduler: a new scheduler of the class that will run; its schedule is set here. Only
            needed with `clean`.
        random_generators: one generator per picture.
        size: width and height in pixels.
        steps: number of steps of the whole schedule.
        clean: start picture of that size, from `encode`, (1, C, h, w).
        strength: the fraction of the schedule that is run (0 to 1).

    Returns:
        (N, C, h, w) on the pipeline's device: pixels in float32, latents in the denoiser's dtype.
    """
    if clean is None and not works_on_pixels(pipeline):
        return None
    scale = scale_of(pipeline)
    network = denoiser(pipeline)
    dtype = torch.float32 if works_on_pixels(pipeline) else network.dtype
    channels = int(network.config.get("in_channels"))
    shape = (channels, size[1] // scale, size[0] // scale)
    device = pipeline._execution_device
    # Pixel pipelines may be trained with a noise scale other than one.
    spread = float(pipeline.config.get("noise_scale") or 1.0)
    noise = (
        torch.stack(
            [torch.randn(shape, generator=generator) for generator in random_generators]
        ).to(device)
        * spread
    )
    if clean is None or scheduler is None:
        return noise
    clean = clean.to(device).expand_as(noise)
    scheduler.set_timesteps(steps, device=device)
    cut_schedule(scheduler, strength)
    first = scheduler.timesteps[:1]
    if is_flow(scheduler):
        sigma = float(scheduler.sigmas[0])
        return ((1.0 - sigma) * clean + sigma * noise).to(dtype)
    noisy: torch.Tensor = scheduler.add_noise(clean, noise, first)
    # Pipelines multiply the latents by this.
    return (noisy / float(getattr(scheduler, "init_noise_sigma", 1.0))).to(dtype)
