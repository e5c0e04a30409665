"""Patches and their codes: a 16×16 patch in 200 numbers.

A picture is an 8×8 grid of patches, each described by its first coefficients in one
principal-component basis that all patches share; the denoiser has use for more of them. The
basis is orthonormal, so a squared error between codes is a squared error between pixels (but
for the 0.6 % left out).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .icons import SIZE

PATCH = 16
GRID = SIZE // PATCH
PATCHES = GRID * GRID
PATCH_DIM = PATCH * PATCH * 3
CODE_DIM = 200
AXES = 360  # principal components that are kept


def to_unit(images: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 (N, H, W, 3) → float (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def cut(images: Tensor) -> Tensor:
    """(N, 3, 128, 128) → (N, 64, 768): patches in reading order, channels first in each."""
    count = images.shape[0]
    cells = images.reshape(count, 3, GRID, PATCH, GRID, PATCH).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(count, PATCHES, PATCH_DIM)


def join(patches: Tensor) -> Tensor:
    """The inverse of `cut`: (N, 64, 768) → (N, 3, 128, 128)."""
    count = patches.shape[0]
    cells = patches.reshape(count, GRID, GRID, 3, PATCH, PATCH).permute(0, 3, 1, 4, 2, 5)
    return cells.reshape(count, 3, SIZE, SIZE)


@dataclass
class PatchBasis:
    """`mean` (768,), orthonormal `axes` (AXES, 768), `std` (AXES,) of each coefficient."""

    mean: Tensor
    axes: Tensor
    std: Tensor

    @classmethod
    def fit(cls, images: npt.NDArray[np.uint8], chunk: int = 512) -> PatchBasis:
        """Principal components of all patches of the pictures (N, 128, 128, 3)."""
        total = torch.zeros(PATCH_DIM, dtype=torch.float64)
        outer = torch.zeros(PATCH_DIM, PATCH_DIM, dtype=torch.float64)
        count = 0
        for start in range(0, len(images), chunk):
            flat = cut(to_unit(images[start : start + chunk])).flatten(0, 1)
            total += flat.sum(0).double()
            outer += (flat.T @ flat).double()
            count += len(flat)
        mean = total / count
        values, vectors = torch.linalg.eigh(outer / count - torch.outer(mean, mean))
        order = torch.arange(PATCH_DIM - 1, PATCH_DIM - 1 - AXES, -1)
        axes = vectors[:, order].T.float().contiguous()
        return cls(mean.float(), axes, values[order].clamp_min(0).sqrt().float())

    def encode(self, images: Tensor) -> Tensor:
        """(N, 3, 128, 128) → codes (N, 64, CODE_DIM)."""
        return (cut(images) - self.mean) @ self.axes[:CODE_DIM].T

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, 64, CODE_DIM) → pictures (N, 3, 128, 128)."""
        return join(codes @ self.axes[:CODE_DIM] + self.mean)

    def encode_all(self, images: npt.NDArray[np.uint8], chunk: int = 512) -> Tensor:
        """Codes (N, 64, CODE_DIM) of uint8 pictures (N, 128, 128, 3)."""
        starts = range(0, len(images), chunk)
        return torch.cat([self.encode(to_unit(images[i : i + chunk])) for i in starts])

    def save(self, path: Path) -> None:
        torch.save({"mean": self.mean, "axes": self.axes, "std": self.std}, path)

    @classmethod
    def load(cls, path: Path) -> PatchBasis:
        return cls(**torch.load(path, weights_only=True))
