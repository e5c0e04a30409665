"""Which direction means what: in the encoder's states and in what the denoiser reads.

A layer normalisation subtracts the mean and fixes the norm. All states here live in
*coordinates*: 383 numbers that a fixed rotation turns into 384-wide vectors of mean zero
(`rotation`), so that the mean is always zero, and every state has the norm
√384, so that the normalisation only undoes a known scale.

The encoder's last hidden state has one token for each patch: its code, its style, its
row and its column (`context`), which every block of the denoiser can read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .icons import STYLES
from .lookup import SPHERE
from .patches import CODE_DIM, GRID, PATCHES

WIDTH = 384
COORDINATES = WIDTH - 1
NORM = WIDTH**0.5

# The parts of a patch token, as slices of its coordinates.
CODE = slice(0, CODE_DIM + 1)
STYLE = slice(CODE.stop, CODE.stop + len(STYLES))
ROW = slice(STYLE.stop, STYLE.stop + GRID)
COLUMN = slice(ROW.stop, ROW.stop + GRID)
NULL = COLUMN.stop  # the only coordinate of the other tokens
USED = NULL + 1
assert USED < COORDINATES

# Amplitudes, beside codes of squared norm SPHERE.
STYLE_AMPLITUDE = 30.0**0.5
PLACE_AMPLITUDE = 20.0**0.5
NULL_AMPLITUDE = 0.5
PATCH_NORM = (SPHERE + STYLE_AMPLITUDE**2 + 2 * PLACE_AMPLITUDE**2 + NULL_AMPLITUDE**2) ** 0.5


def rotation(width: int = WIDTH) -> Tensor:
    """A fixed orthonormal (width, width - 1) matrix whose columns are all of mean zero."""
    generator = torch.Generator().manual_seed(width)
    matrix = torch.randn(width, width, generator=generator, dtype=torch.float64)
    matrix[:, 0] = 1.0
    basis: Tensor = torch.linalg.qr(matrix).Q[:, 1:].float().contiguous()
    return basis


def places() -> Tensor:
    """The row and column part of the coordinates of each patch token: (64, COORDINATES)."""
    out = torch.zeros(PATCHES, COORDINATES)
    for patch in range(PATCHES):
        row, column = divmod(patch, GRID)
        out[patch, ROW.start + row] = PLACE_AMPLITUDE
        out[patch, COLUMN.start + column] = PLACE_AMPLITUDE
    return out


def context(codes: Tensor, style: Tensor) -> Tensor:
    """Codes (B, 64, CODE_DIM + 1), style ids (B,) → coordinates (B, 64, COORDINATES)."""
    out = places().expand(len(codes), -1, -1).clone()
    out[..., CODE] = codes
    batch = torch.arange(len(codes))[:, None]
    out[batch, torch.arange(PATCHES), (STYLE.start + style)[:, None]] = STYLE_AMPLITUDE
    out[..., NULL] = NULL_AMPLITUDE
    states: Tensor = out * (NORM / out.norm(dim=-1, keepdim=True))
    return states


def null_context() -> Tensor:
    """Return the coordinates of every token that stands for no patch: (COORDINATES,)."""
    out = torch.zeros(COORDINATES)
    out[NULL] = NORM
    return out
