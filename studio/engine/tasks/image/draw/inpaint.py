"""Inpainting with blended latents, for models that were not trained for it.

After each step, the latents outside the mask are replaced with those of the picture, with as
much noise as the next step expects (Avrahami et al., 2022, arXiv:2206.02779; diffusers does the
same). It needs only a pipeline's steps. Losses of the VAE outside the mask are corrected at the
end, in pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from studio.engine.tasks.image.model.schedulers import (
    Step,
    noise_level_after,
    noise_level_before,
)
from studio.protocol import problem

_MIN_NOISE = 1e-3
"""Lower bound of the first noise level, which is a divisor: below, rounding errors dominate."""


class UnmaskedArea:
    """The area outside a mask, restored after each step of one call.

    Args:
        clean: the whole picture from `latents.encode`, (1, C, h, w) or (1, C, 1, h, w).
        mask: 8-bit grey, in the picture's size in pixels. All latents that it touches are drawn.
    """

    def __init__(self, clean: torch.Tensor, mask: Image.Image) -> None:
        self._clean = clean.float()
        marked = torch.from_numpy(np.asarray(mask) > 0).float()[None, None]
        pooled = torch.nn.functional.adaptive_max_pool2d(marked, (clean.shape[-2], clean.shape[-1]))
        pooled = pooled.reshape(1, 1, *([1] * (clean.ndim - 4)), *pooled.shape[-2:])
        self._inside = (pooled > 0).to(clean.device).expand_as(clean)
        self._noise: torch.Tensor | None = None

    def restore(self, step: Step) -> None:
        """Overwrite a step's output outside the mask, in place.

        The noise is the pipeline's initial noise, so the result does not depend on the batch, and
        the area outside loses its noise as if it were drawn.

        Raises `ProblemError` (`bad_input`) if the shape of the latents is not supported.
        """
        following = step.following
        clean, drawn = (_to_layout_of(held, following) for held in (self._clean, self._inside))
        if self._noise is None:
            signal, noise = noise_level_before(step)
            self._noise = (step.sample.float() - signal * clean) / max(noise, _MIN_NOISE)
        signal, noise = noise_level_after(step)
        held = (signal * clean + noise * self._noise).to(following.dtype)
        following.copy_(torch.where(drawn, following, held))


def composite(drawn: Image.Image, start: Image.Image, mask: Image.Image) -> Image.Image:
    """Blend two pictures: `drawn` where the mask is white, `start` where it is black.

    Black areas have exactly the pixels of `start`; grey mixes. All have the same size.
    """
    return Image.composite(drawn, start, mask)


def _to_layout_of(held: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """Convert (1, C, h, w) to the layout of a pipeline's latents, for any batch size."""
    wanted = latents.shape[1:]
    if held.shape[1:] == wanted:
        return held
    flat = held[:, :, 0] if held.ndim == 5 else held
    if flat.shape[1:] == wanted:
        return flat
    packed = pack_latents(flat)
    if packed is not None and packed.shape[1:] == wanted:
        return packed
    raise problem(
        "bad_input",
        "This model does not support inpainting. Remove the mask and try again.",
        detail=f"latents {tuple(latents.shape)}, encoded {tuple(held.shape)}",
    )


def pack_latents(latents: torch.Tensor) -> torch.Tensor | None:
    """Pack latents (N, C, h, w) into tokens (N, h/2·w/2, 4·C), as used by Flux and others.

    The inverse of `preview.unpack`. Returns None for an odd height or width.
    """
    count, channels, height, width = latents.shape
    if height % 2 or width % 2:
        return None
    tokens = latents.reshape(count, channels, height // 2, 2, width // 2, 2)
    return tokens.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, 4 * channels)
