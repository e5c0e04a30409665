"""Finds out whether a pipeline supports inpainting with blended latents."""

from __future__ import annotations

from typing import Any

from studio.engine.tasks.image.model.img2img_support import denoiser, works_on_pixels
from studio.engine.tasks.image.model.schedulers import has_noise_levels

_VAES = ("AutoencoderKL", "AutoencoderDC", "AutoencoderKLQwenImage")
"""VAEs whose latents from `latents.encode` match those of the denoiser."""


def supports_inpainting(pipeline: Any) -> bool:
    """Return whether the area outside a mask can be kept while this pipeline draws.

    Requires latents as returned by `latents.encode`, directly or packed as 2×2 per token, and a
    scheduler whose noise levels are known.

    Args:
        pipeline: an instance, whose networks may be on the meta device.
    """
    if not has_noise_levels(pipeline.scheduler):
        return False
    if works_on_pixels(pipeline):
        return True
    vae, network = getattr(pipeline, "vae", None), denoiser(pipeline)
    if vae is None or network is None or type(vae).__name__ not in _VAES:
        return False
    channels = vae.config.get("latent_channels") or vae.config.get("z_dim")
    return bool(channels) and network.config.get("in_channels") in (channels, 4 * channels)
