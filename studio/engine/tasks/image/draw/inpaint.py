"""Drawing a part of a picture anew: what lies outside a mask is held while a pipeline draws.

After each step the latents outside the mask are those of the picture, with as much noise as the
next step expects: the method of blended latents (Avrahami et al., 2022, arXiv:2206.02779), as in
diffusers' own inpainting of models that were not trained for it. It needs nothing from a
pipeline but its steps. What a VAE loses is put right at the end, in pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from studio.engine.tasks.image.model.schedulers import (
    Step,
    level_after,
    level_before,
)
from studio.protocol import problem

_LEAST_NOISE = 1e-3
"""Of the first level; less could not be told from the rounding of what it is divided by."""


class Surroundings:
    """What lies outside a mask, put back after each step of one call.

    Args:
        clean: the whole picture as `latents.encode` returned it, (1, C, h, w) or (1, C, 1, h, w).
        mask: 8-bit grey, of the picture's size in pixels. Every latent that it touches is drawn.
    """

    def __init__(self, clean: torch.Tensor, mask: Image.Image) -> None:
        self._clean = clean.float()
        marked = torch.from_numpy(np.asarray(mask) > 0).float()[None, None]
        pooled = torch.nn.functional.adaptive_max_pool2d(marked, (clean.shape[-2], clean.shape[-1]))
        pooled = pooled.reshape(1, 1, *([1] * (clean.ndim - 4)), *pooled.shape[-2:])
        self._drawn = (pooled > 0).to(clean.device).expand_as(clean)
        self._noise: torch.Tensor | None = None

    def put_back(self, step: Step) -> None:
        """Overwrite what a step made outside the mask, in place.

        The noise is that with which the pipeline began: what surrounds a picture does not depend
        on its batch either, and the steps see it lose its noise as if it were drawn.

        Raises `ProblemError` (`bad_input`) where the latents have a shape of their own.
        """
        following = step.following
        clean, drawn = (_like(held, following) for held in (self._clean, self._drawn))
        if self._noise is None:
            signal, noise = level_before(step)
            self._noise = (step.sample.float() - signal * clean) / max(noise, _LEAST_NOISE)
        signal, noise = level_after(step)
        held = (signal * clean + noise * self._noise).to(following.dtype)
        following.copy_(torch.where(drawn, following, held))


def composed(drawn: Image.Image, start: Image.Image, mask: Image.Image) -> Image.Image:
    """Return the drawn picture where the mask is white, the other one where it is black.

    Where it is black, the pixels are exactly those of `start`; grey mixes. All have one size.
    """
    return Image.composite(drawn, start, mask)


def _like(held: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """Return (1, C, h, w) in the layout of a pipeline's latents, whatever their number."""
    wanted = latents.shape[1:]
    if held.shape[1:] == wanted:
        return held
    flat = held[:, :, 0] if held.ndim == 5 else held
    if flat.shape[1:] == wanted:
        return flat
    packed = packed_latents(flat)
    if packed is not None and packed.shape[1:] == wanted:
        return packed
    raise problem(
        "bad_input",
        "This model does not support inpainting. Remove the mask and try again.",
        detail=f"latents {tuple(latents.shape)}, encoded {tuple(held.shape)}",
    )


def packed_latents(latents: torch.Tensor) -> torch.Tensor | None:
    """Return latents (N, C, h, w) as Flux and its kin keep them, (N, h/2·w/2, 4·C).

    The reverse of `preview.unpack`. None for an odd height or width.
    """
    count, channels, height, width = latents.shape
    if height % 2 or width % 2:
        return None
    tokens = latents.reshape(count, channels, height // 2, 2, width // 2, 2)
    return tokens.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, 4 * channels)
