"""Features that tell the five styles apart, and a classifier on them.

The sets differ in palette, margins, edges and shading, not in what they draw, so the judge
looks at histograms of colours, slopes and curvatures at three sizes, at how even small
blocks are and at where the drawing ends, and never at the shape itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .icons import STYLES

_SLOPE_EDGES = torch.tensor([0.005, 0.01, 0.02, 0.04, 0.06, 0.09, 0.13, 0.2, 0.3, 0.5, 0.8, 1.2])
_BLOCK_EDGES = torch.tensor([0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.15, 0.3])
_WHITE = 0.94  # in [-1, 1]


def kept_back(things: Tensor) -> Tensor:
    """Return which of these things (B,) are held out to test the judges of style: (B,)."""
    return things % 5 == 0


def _histogram(values: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
    """Shares (B, len(edges) + 1) of the masked values (B, …) between the edges."""
    places = torch.bucketize(values, edges).flatten(1)
    chosen = mask.flatten(1).float()
    out = torch.zeros(len(values), len(edges) + 1)
    out.scatter_add_(1, places, chosen)
    return out / chosen.sum(1, keepdim=True).clamp_min(1)


def features(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, 128, 128) in [-1, 1] → (B, F)."""
    found = []
    drawn = pictures.amin(1) < _WHITE  # (B, 128, 128)
    for size in (1, 2, 4):
        small = nn.functional.avg_pool2d(pictures, size)
        mask = nn.functional.max_pool2d(drawn.float()[:, None], size)[:, 0] > 0
        across = small[..., 1:-1, 1:-1] - small[..., 1:-1, :-2]
        down = small[..., 1:-1, 1:-1] - small[..., :-2, 1:-1]
        slope = (across.square() + down.square()).sum(1).sqrt()
        inner = mask[:, 1:-1, 1:-1]
        found.append(_histogram(slope, _SLOPE_EDGES, inner))
        around = small[..., 1:-1, :-2] + small[..., 1:-1, 2:]
        around = around + small[..., :-2, 1:-1] + small[..., 2:, 1:-1]
        curve = (around / 4 - small[..., 1:-1, 1:-1]).abs().mean(1)
        found.append(_histogram(curve, _SLOPE_EDGES, inner))
        # How steep edges are beside each other: stairs against smooth ones.
        steep = slope > 0.4
        found.append(
            torch.stack(
                [
                    (steep & inner).flatten(1).float().mean(1),
                    across[..., 1:].sub(across[..., :-1]).abs().mean((1, 2, 3)),
                    down[..., 1:, :].sub(down[..., :-1, :]).abs().mean((1, 2, 3)),
                    (across[..., 1:] * across[..., :-1]).mean((1, 2, 3)),
                ],
                dim=1,
            )
        )
    for block in (4, 8):
        cells = pictures.unfold(2, block, block).unfold(3, block, block).flatten(4)
        spread = cells.std(-1).mean(1)
        mean = cells.mean(-1).amin(1)
        found.append(_histogram(spread, _BLOCK_EDGES, mean < _WHITE))
    weight = drawn.flatten(1).float()
    levels = ((pictures + 1) * 2.5).long().clamp(0, 4)  # five levels a channel
    cell = (levels[:, 0] * 25 + levels[:, 1] * 5 + levels[:, 2]).flatten(1)
    colours = torch.zeros(len(pictures), 125).scatter_add_(1, cell, weight)
    found.append((colours / weight.sum(1, keepdim=True).clamp_min(1)).sqrt())
    high, low = pictures.amax(1), pictures.amin(1)
    found.append(_histogram(high - low, torch.linspace(0.1, 1.9, 12), drawn))
    found.append(_histogram(high, torch.linspace(-0.9, 0.95, 12), drawn))
    rows, columns = drawn.float().mean(2), drawn.float().mean(1)
    for share in (rows, columns):
        found.append(torch.stack([share[:, :k].mean(1) for k in (2, 4, 6, 8, 10, 14)], dim=1))
        found.append(torch.stack([share[:, -k:].mean(1) for k in (2, 4, 6, 8, 10, 14)], dim=1))
    halves = [pictures[:, :, :64], pictures[:, :, 64:], pictures[..., :64], pictures[..., 64:]]
    masks = [drawn[:, :64], drawn[:, 64:], drawn[..., :64], drawn[..., 64:]]
    for half, mask in zip(halves, masks, strict=True):
        area = mask.float().sum((1, 2)).clamp_min(1)[:, None]
        found.append((half * mask[:, None]).sum((2, 3)) / area)
    return torch.cat(found, dim=1)


class StyleJudge(nn.Module):
    """Pictures (B, 3, 128, 128) → logits (B, 5)."""

    def __init__(self) -> None:
        super().__init__()
        count = features(torch.zeros(1, 3, 128, 128)).shape[1]
        self.norm = nn.BatchNorm1d(count, affine=False)
        self.body = nn.Sequential(
            nn.Linear(count, 384), nn.ReLU(), nn.Dropout(0.4),
            nn.Linear(384, 384), nn.ReLU(), nn.Dropout(0.4), nn.Linear(384, len(STYLES)),
        )  # fmt: skip

    def read(self, numbers: Tensor) -> Tensor:
        """Features (B, F) → logits (B, 5)."""
        out: Tensor = self.body(self.norm(numbers).clamp(-4, 4))
        return out

    def forward(self, pictures: Tensor) -> Tensor:
        return self.read(features(pictures))
