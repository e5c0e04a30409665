"""Flow matching with x-prediction: the loss to train with, and a sampler to look at it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from .patches import PATCH

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(noisy (B, 3, H, W), level (B,), states (B, L, 384)) → the clean picture (B, 3, H, W)."""

FLOOR = 0.05  # below this level the pipeline divides by the floor instead


_DECIDED = 0.8  # above this level only the prompt decides what is drawn


def noise_levels(count: int, own: int, generator: torch.Generator) -> Tensor:
    """Levels t in (0, 1), (count,); the first `own` are for pictures that the model began itself.

    A thing in a style is one picture, and the codes hold it to an error of 0.1 a pixel. Above
    `_DECIDED` the model learns to draw from them alone: most of the pictures that it did not begin
    are there. Below, it learns to mend what it drew in the steps before, and to keep a picture to
    start from.
    """
    high = torch.rand(count, generator=generator) < 0.7
    high[:own] = False
    level = torch.rand(count, generator=generator)
    above = _DECIDED + (1 - _DECIDED) * level
    return torch.where(high, above, _DECIDED * level).clamp_min(1e-3)


_GREY = torch.tensor([0.299, 0.587, 0.114])


def tinted(
    clean: Tensor, level: Tensor, share: float, own: int, generator: torch.Generator
) -> Tensor:
    """Give some of the pictures (B, 3, H, W) in [-1, 1] other colours; white stays white.

    So the model learns that below `_DECIDED` a noisy picture tells the colours, and not the
    words alone: else a picture to start from would have no effect. What is not white is turned
    about the grey axis of RGB by any angle, and made up to a half more or less colourful.
    Only pictures with noise `level` (B,) below `_DECIDED` change, `share` of them, and none of
    the first `own`.
    """
    count = len(clean)
    angle = 2 * torch.pi * torch.rand(count, generator=generator)
    vivid = 0.5 + torch.rand(count, generator=generator)
    chosen = (torch.rand(count, generator=generator) < share) & (level < _DECIDED)
    chosen[:own] = False
    grey = _GREY.expand(3, 3)
    colour = torch.eye(3) - grey
    axis = torch.full((3,), 3**-0.5)
    cross = torch.linalg.cross(torch.eye(3), axis.expand(3, 3), dim=1).T
    along = torch.outer(axis, axis)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    turn = cosine * torch.eye(3) + sine * cross + (1 - cosine) * along
    matrix = grey + vivid[:, None, None] * colour @ turn
    matrix = torch.where(chosen[:, None, None], matrix, torch.eye(3))
    return 1 - torch.einsum("bij,bjhw->bihw", matrix, 1 - clean).clamp(0, 2)


def _slopes(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences between neighbours, down and across."""
    return pictures[:, :, 1:] - pictures[:, :, :-1], pictures[..., 1:] - pictures[..., :-1]


def _seams(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences across the borders of patches, down and across."""
    above, left = pictures[:, :, PATCH - 1 : -1 : PATCH], pictures[..., PATCH - 1 : -1 : PATCH]
    return pictures[:, :, PATCH::PATCH] - above, pictures[..., PATCH::PATCH] - left


def _texture(pictures: Tensor) -> list[Tensor]:
    """Sizes of the slopes and curvatures of pictures (B, 3, H, W), each (B, 3, H - 2, W - 2)."""
    inner = pictures[:, :, 1:-1, 1:-1]
    up, left = pictures[:, :, :-2, 1:-1], pictures[:, :, 1:-1, :-2]
    down, right = pictures[:, :, 2:, 1:-1], pictures[:, :, 1:-1, 2:]
    maps = (inner - up, inner - left, inner - (up + down + left + right) / 4)
    return [(one.square() + _ROUND**2).sqrt() for one in maps]


def _moments(sizes: Tensor, cell: int) -> list[Tensor]:
    """How strong (root mean square) and how common (power mean of 1/2) sizes are in each cell."""
    pool = torch.nn.functional.avg_pool2d
    return [pool(sizes.square(), cell).sqrt(), pool(sizes.sqrt(), cell).square()]


_ROUND = 0.01  # below this the loss of an error grows with its square, above it with its size
_CELLS = (6, 18, 126)  # pixels; the last is the picture
_TEXTURE = 0.3  # weight of each moment of the texture in each cell
_SEAMS = 0.5  # weight of the borders of patches where
_SMOOTH = 0.06  # the real picture has no more slope than this


def loss(predicted: Tensor, clean: Tensor) -> Tensor:
    """Size of the error of pixels, slopes, seams and texture; all noise levels weigh the same.

    Squared errors leave a grain, which is cheap; sizes do not, as most slopes of an icon are zero.
    The minimum is the conditional median: a thing in a style is one picture, so it is that
    picture. Where it is smooth, a false slope on the border of two patches is seen as a seam, so
    it costs more there.

    Where the model is unsure of an edge, the median is a blurred one. So the texture counts as
    well: how strong and how common slopes and curvatures are in small and large cells and in the
    whole picture. A blurred edge has the same sum of slopes, but weaker ones and more of them. It
    is what tells the crisp edges of the gradient style from the soft ones of 3d.
    """

    def size(error: Tensor) -> Tensor:
        return ((error.square() + _ROUND**2).sqrt() - _ROUND).mean()

    error = size(predicted - clean)
    for mine, true in zip(_slopes(predicted), _slopes(clean), strict=True):
        error = error + size(mine - true)
    for mine, true in zip(_seams(predicted), _seams(clean), strict=True):
        smooth = (true.abs() < _SMOOTH).float()
        error = error + _SEAMS * size(smooth * (mine - true))
    for drawn, real in zip(_texture(predicted), _texture(clean), strict=True):
        for cell in _CELLS:
            for mine, true in zip(_moments(drawn, cell), _moments(real, cell), strict=True):
                error = error + _TEXTURE * (mine - true).abs().mean()
    return error


@torch.no_grad()
def sample(denoise: Denoise, states: Tensor, noise: Tensor, steps: int) -> Tensor:
    """Euler steps from noise (B, 3, H, W) to pictures, as the pipeline takes them."""
    levels = [*torch.linspace(1.0, 1 / 1000, steps).tolist(), 0.0]
    pictures = noise
    for now, after in pairwise(levels):
        level = torch.full((len(noise),), now, device=noise.device)
        clean = denoise(pictures, level, states)
        pictures = pictures + (after - now) * (pictures - clean) / max(now, FLOOR)
    return pictures
