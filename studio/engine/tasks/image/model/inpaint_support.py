"""Whether a pipeline can be held to a picture outside a mask while it draws."""

from __future__ import annotations

from typing import Any

from studio.engine.tasks.image.model.img2img_support import denoiser, works_on_pixels
from studio.engine.tasks.image.model.schedulers import knows_its_levels

_VAES = ("AutoencoderKL", "AutoencoderDC", "AutoencoderKLQwenImage")
"""Those whose latents `latents.encode` gives as the denoiser has them."""


def can_hold(pipeline: Any) -> bool:
    """Tell whether what a mask leaves black can be held while this pipeline draws.

    It can where its latents are those that `latents.encode` gives, one by one or 2×2 of them as
    one token, and where its scheduler tells how noisy they are.

    Args:
        pipeline: an instance; its networks may be on the meta device.
    """
    if not knows_its_levels(pipeline.scheduler):
        return False
    if works_on_pixels(pipeline):
        return True
    vae, network = getattr(pipeline, "vae", None), denoiser(pipeline)
    if vae is None or network is None or type(vae).__name__ not in _VAES:
        return False
    channels = vae.config.get("latent_channels") or vae.config.get("z_dim")
    return bool(channels) and network.config.get("in_channels") in (channels, 4 * channels)
