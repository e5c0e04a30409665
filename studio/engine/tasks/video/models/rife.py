"""RIFE: a frame between two others, from the flow between them.

The architecture of version 4 (Huang et al., "Real-Time Intermediate Flow Estimation for Video Frame
Interpolation", https://arxiv.org/abs/2011.06294), whose layers have the names of its published
weights. Four blocks refine the flow from coarse to fine; each sees the two frames warped by the
flow so far. Weights that only training or an optional refinement use are left out.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (192, 128, 96, 64)
_COARSEST = 8
_LARGE_MOTION = 32.0
"""Pixels. With more, the flow is looked for once more from twice as coarse."""


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.PReLU(outputs))


class _FlowBlock(nn.Module):
    """Returns a correction of the flow, and of the mask that mixes the frames."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(
            _convolution(inputs, width // 2, 2), _convolution(width // 2, width, 2)
        )
        self.convblock = nn.Sequential(*(_convolution(width, width) for _ in range(8)))
        self.lastconv = nn.ConvTranspose2d(width, 5, 4, 2, 1)

    def forward(self, seen: Tensor, flow: Tensor | None, scale: int) -> tuple[Tensor, Tensor]:
        seen = _scaled(seen, 1 / scale)
        if flow is not None:
            seen = torch.cat((seen, _scaled(flow, 1 / scale) / scale), 1)
        features = self.conv0(seen)
        found = _scaled(self.lastconv(self.convblock(features) + features), 2 * scale)
        return found[:, :4] * (2 * scale), found[:, 4:]


class Rife(nn.Module):
    """The flow network. Frames have the shape (1, 3, height, width), 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        first, *others = _WIDTHS
        self.block0 = _FlowBlock(7, first)
        for number, width in enumerate(others, 1):
            self.add_module(f"block{number}", _FlowBlock(12, width))

    def forward(self, first: Tensor, second: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """Return the flow from a moment between two frames (0 to 1) to both, and the mask.

        The sides must be multiples of 128.
        """
        found = self._search(first, second, time, _COARSEST)
        return found if found is not None else self._searched(first, second, time, 2 * _COARSEST)

    def _searched(
        self, first: Tensor, second: Tensor, time: float, coarsest: int
    ) -> tuple[Tensor, Tensor]:
        found = self._search(first, second, time, coarsest, any_motion=True)
        assert found is not None
        return found

    def _search(
        self,
        first: Tensor,
        second: Tensor,
        time: float,
        coarsest: int,
        *,
        any_motion: bool = False,
    ) -> tuple[Tensor, Tensor] | None:
        """Return flow and mask, None if the motion is too large for the scales."""
        moment = torch.full_like(first[:, :1], time)
        flow, mask = self.block0(torch.cat((first, second, moment), 1), None, coarsest)
        for number in range(1, len(_WIDTHS)):
            seen = (warp(first, flow[:, :2]), warp(second, flow[:, 2:]), moment, mask)
            block = cast(_FlowBlock, self.get_submodule(f"block{number}"))
            more, more_mask = block(torch.cat(seen, 1), flow, coarsest >> number)
            if number == 1 and not any_motion and _is_large(more):
                return None
            flow, mask = flow + more, mask + more_mask
        return flow, torch.sigmoid(mask)


def mixed(first: Tensor, second: Tensor, flow: Tensor, mask: Tensor) -> Tensor:
    """Return the frame that two frames, their flow and mask make."""
    # In place, since a frame of 4K takes 100 MB.
    made = warp(first, flow[:, :2]).mul_(mask)
    return made.add_(warp(second, flow[:, 2:]).mul_(1 - mask))


def warp(frame: Tensor, flow: Tensor) -> Tensor:
    """Return a frame whose pixels come from where the flow points, in pixels."""
    _, _, height, width = frame.shape
    device = frame.device
    down = torch.linspace(-1, 1, height, device=device)[:, None] + flow[:, 1] * _unit(height)
    across = torch.linspace(-1, 1, width, device=device) + flow[:, 0] * _unit(width)
    places = torch.stack((across, down), 3)
    return functional.grid_sample(frame, places, "bilinear", "border", align_corners=True)


def _unit(side: int) -> float:
    return 2 / max(1, side - 1)


def _is_large(flow: Tensor) -> bool:
    return all(bool(part.abs().max() > _LARGE_MOTION) for part in (flow[:, :2], flow[:, 2:]))


def _scaled(values: Tensor, factor: float) -> Tensor:
    return functional.interpolate(
        values,
        scale_factor=factor,
        mode="bilinear",
        align_corners=False,
        recompute_scale_factor=False,
    )
