"""The picture table in factors: from a thing and a style to 64 patch codes.

What each (thing, style) looks like is a table of (things, 5, 64, 201) numbers. It is
factored twice, by singular value decompositions alone, without any gradient step:

1. *thing vectors*: each region of the picture (2×2 patches, all five styles) is
   projected on its first `THING_DIM` principal components, one vector for each thing;
2. *units*: for each patch and style the linear map from the thing vector to the patch
   code is cut to few rank-one terms. The terms are shared out over all patches and
   styles by how much error each removes. The three Fluent styles draw the same picture,
   so they share terms and keep only their differences to themselves.

Each term becomes one unit of the feed-forward layer of the text encoder (`encoder`),
which a gate opens at one patch and for one style (or the Fluent three).

The 201st number puts every code on a sphere of radius² `SPHERE`, since the encoder's last
layer normalisation keeps directions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .icons import STYLES
from .patches import CODE_DIM, GRID, PATCHES, PatchBasis

THING_DIM = 350
UNITS = 22_000
FALLBACK = "flat"  # what a style that lacks a thing borrows
TEMPER = 0.7  # code = coefficient / std**TEMPER, so that the fine ones count too
SPHERE = 400.0
FLUENT = tuple(STYLES.index(name) for name in ("3d", "flat", "gradient"))
BANDS, SIDES = 4, 4  # a picture is cut into 4×4 regions of 2×2 patches
REGIONS = BANDS * SIDES


def region_of(patch: int) -> int:
    """The region 0..15 (reading order) that a patch 0..63 lies in."""
    row, column = divmod(patch, GRID)
    return SIDES * (row * BANDS // GRID) + column * SIDES // GRID


@dataclass
class Scale:
    """Between patch coefficients and codes: code = coefficient * gain; weights of an error."""

    gain: Tensor  # (CODE_DIM,)
    weight: Tensor  # (CODE_DIM + 1,) pixel error of one unit of each code number

    @classmethod
    def fit(cls, basis: PatchBasis, coefficients: Tensor) -> Scale:
        """`coefficients` (N, 64, CODE_DIM); the largest code just fits the sphere."""
        gain = basis.std[:CODE_DIM].pow(-TEMPER)
        energy = (coefficients * gain).pow(2).sum(-1)
        gain = gain * (0.98 * SPHERE / energy.max()).sqrt()
        energy = (coefficients * gain).pow(2).sum(-1).mean()
        pixels = coefficients.pow(2).sum(-1).mean().sqrt()
        last = pixels * (SPHERE - energy).sqrt() / SPHERE
        return cls(gain, torch.cat([1 / gain, last[None]]))

    def to_sphere(self, coefficients: Tensor) -> Tensor:
        """(…, CODE_DIM) → codes (…, CODE_DIM + 1) of squared norm SPHERE."""
        code = coefficients * self.gain
        rest = (SPHERE - code.pow(2).sum(-1, keepdim=True)).clamp_min(0).sqrt()
        return torch.cat([code, rest], dim=-1)

    def from_sphere(self, codes: Tensor) -> Tensor:
        """The inverse of `to_sphere`, for codes of any norm."""
        codes = codes * (SPHERE**0.5 / codes.norm(dim=-1, keepdim=True))
        return codes[..., :-1] / self.gain


@dataclass
class Unit:
    """A group of rank-one terms that one gate opens: at one patch, for some styles.

    `read` (n, THING_DIM) and `write` (n, CODE_DIM + 1): code += (thing · readᵀ) · write;
    `constant` (CODE_DIM + 1,) is added as well.
    """

    patch: int
    styles: tuple[int, ...]
    read: Tensor
    write: Tensor
    constant: Tensor


@dataclass
class Lookup:
    """`things` (16, T, THING_DIM): one vector a region and thing; and the units."""

    things: Tensor
    units: list[Unit]
    gain: Tensor
    weight: Tensor

    @property
    def scale(self) -> Scale:
        return Scale(self.gain, self.weight)

    def codes(self, style: int) -> Tensor:
        """What the units make of every thing in one style: (T, 64, CODE_DIM + 1)."""
        out = torch.zeros(self.things.shape[1], PATCHES, CODE_DIM + 1)
        for unit in self.units:
            if style in unit.styles:
                thing = self.things[region_of(unit.patch)]
                out[:, unit.patch] += thing @ unit.read.T @ unit.write + unit.constant
        return out

    def dense(self) -> tuple[Tensor, Tensor, Tensor]:
        """All units of a style as one map for each region.

        Returns maps (5, 16, THING_DIM, 4 * (CODE_DIM + 1)), constants (5, 16, 4 * (CODE_DIM
        + 1)) and the patches of each region (16, 4).
        """
        order = torch.tensor(
            [[p for p in range(PATCHES) if region_of(p) == q] for q in range(REGIONS)]
        )
        inside = PATCHES // REGIONS
        shape = (len(STYLES), REGIONS, inside, CODE_DIM + 1)
        maps = torch.zeros(*shape[:2], THING_DIM, *shape[2:])
        constants = torch.zeros(shape)
        for unit in self.units:
            region = region_of(unit.patch)
            place = int((order[region] == unit.patch).nonzero())
            for style in unit.styles:
                maps[style, region, :, place] += unit.read.T @ unit.write
                constants[style, region, place] += unit.constant
        return maps.flatten(3), constants.flatten(2), order

    def save(self, path: Path) -> None:
        rows = [(u.patch, list(u.styles), u.read, u.write, u.constant) for u in self.units]
        stored = {"things": self.things, "units": rows, "gain": self.gain, "weight": self.weight}
        torch.save(stored, path)

    @classmethod
    def load(cls, path: Path) -> Lookup:
        stored = torch.load(path, weights_only=True)
        units = [Unit(p, tuple(s), r, w, c) for p, s, r, w, c in stored["units"]]
        return cls(stored["things"], units, stored["gain"], stored["weight"])


def fill_table(codes: Tensor, thing: Tensor, style: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Codes (N, 64, C) by thing id and style id → table (count, 5, 64, C), has (count, 5)."""
    table = torch.zeros(count, len(STYLES), *codes.shape[1:])
    has = torch.zeros(count, len(STYLES), dtype=torch.bool)
    table[thing, style] = codes
    has[thing, style] = True
    order = [STYLES.index(FALLBACK), *range(len(STYLES))]
    for index in range(len(STYLES)):
        for other in order:
            lacking = ~has[:, index] & has[:, other]
            unset = lacking & (table[:, index].abs().sum((1, 2)) == 0)
            table[unset, index] = table[unset, other]
    return table, has


def _principal(flat: Tensor, rank: int) -> Tensor:
    """Whitened scores (T, rank) of centred rows (T, D), by the eigenvectors of the Gram matrix."""
    flat = flat - flat.mean(0)
    _, vectors = torch.linalg.eigh((flat @ flat.T).double())
    scores: Tensor = vectors[:, -rank:].flip(1).float() * len(flat) ** 0.5
    return scores


def factor(table: Tensor, scale: Scale, budget: int = UNITS) -> Lookup:
    """Factor the table (T, 5, 64, CODE_DIM + 1) into thing vectors and `budget` terms."""
    count = len(table)
    weighted = table * scale.weight
    things = torch.empty(REGIONS, count, THING_DIM)
    for region in range(REGIONS):
        mine = [patch for patch in range(PATCHES) if region_of(patch) == region]
        things[region] = _principal(weighted[:, :, mine].flatten(1), THING_DIM)
    groups: list[tuple[int, tuple[int, ...], Tensor, Tensor, Tensor, Tensor]] = []
    for patch in range(PATCHES):
        thing = things[region_of(patch)]
        here = weighted[:, :, patch]
        mean = here.mean(0)  # (5, C)
        # The thing vectors are white and centred: the least squares map is a plain product.
        maps = torch.einsum("tk,tsc->skc", thing, here) / count
        shared = maps[list(FLUENT)].mean(0)
        zero = torch.zeros_like(mean[0])
        parts: list[tuple[tuple[int, ...], Tensor, Tensor, float]] = [(FLUENT, shared, zero, 3.0)]
        for style in range(len(STYLES)):
            own = maps[style] - shared if style in FLUENT else maps[style]
            parts.append(((style,), own, mean[style], 1.0))
        for styles, matrix, constant, times in parts:
            left, values, right = torch.linalg.svd(matrix, full_matrices=False)
            gain = values.pow(2) * times
            groups.append((patch, styles, left.T * values[:, None], right, constant, gain))
    gains = torch.cat([group[-1] for group in groups])
    threshold = gains.sort(descending=True).values[budget - len(groups)]
    units = []
    for patch, styles, left, right, constant, gain in groups:
        kept = int((gain > threshold).sum())
        write = right[:kept] / scale.weight
        units.append(Unit(patch, styles, left[:kept], write, constant / scale.weight))
    return Lookup(things, units, scale.gain, scale.weight)
