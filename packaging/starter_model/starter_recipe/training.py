"""Parts of the training loops: average of weights, learning rate, checkpoints, log."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer


class Average:
    """An exponential moving average of a module's parameters, short at first.

    After n updates the decay is min(decay, (1 + n) / (10 + n)), so the first samples are
    not drawn by the initial weights.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.updates += 1
        rate = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in module.named_parameters():
            self.shadow[name].lerp_(parameter, rate)

    def copy_to(self, module: nn.Module) -> None:
        """Write the average into a module of the same shape."""
        module.load_state_dict(self.shadow, strict=False)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "shadow": self.shadow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        for name, value in state["shadow"].items():
            self.shadow[name].copy_(value)


def learning_rate(step: int, done: float, warmup: int, decay_from: float = 0.6) -> float:
    """The factor on the peak rate: linear warm-up, flat, then linear down to 2 %.

    `done` is the share of the time budget that is used up, 0 to 1.
    """
    up = min(1.0, (step + 1) / warmup)
    down = min(1.0, (1 - min(done, 1.0)) / (1 - decay_from))
    return up * (0.02 + 0.98 * down)


def optimisers(
    matrices: list[nn.Parameter],
    others: list[nn.Parameter],
    careful: list[nn.Parameter],
    rate: float,
) -> list[Optimizer]:
    """Muon for hidden matrices, AdamW at 0.3 of the rate for the rest, at 0.15 for `careful`.

    Muon (K. Jordan and others, 2024) with the update scaled to the size of AdamW's, as
    in "Muon is Scalable for LLM Training" (2025), needs fewer steps than AdamW alone.
    """
    muon = Muon(matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    groups: list[dict[str, Any]] = [
        {"params": others, "lr": 0.3 * rate},
        {"params": careful, "lr": 0.15 * rate},
    ]
    adam = AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0)
    for optimiser in (muon, adam):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, adam]


def set_rate(optimisers: list[Optimizer], factor: float) -> None:
    """Set every group's rate to its peak times the factor."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * factor


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a training state atomically: a crash leaves either the old or the new one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


class Log:
    """A CSV file that grows row by row; a resumed run appends to it."""

    def __init__(self, path: Path, columns: list[str], resumed: bool) -> None:
        self.path, self.columns = path, columns
        if not (resumed and path.exists()):
            with path.open("w", newline="") as handle:
                csv.writer(handle).writerow(columns)

    def row(self, **values: float) -> None:
        cells = [f"{values[name]:.6g}" for name in self.columns]
        with self.path.open("a", newline="") as handle:
            csv.writer(handle).writerow(cells)
        print("  ".join(f"{n} {c}" for n, c in zip(self.columns, cells, strict=True)), flush=True)


def to_device(device: torch.device, *tensors: Tensor) -> list[Tensor]:
    """Move tensors to the device the training runs on."""
    return [tensor.to(device, non_blocking=True) for tensor in tensors]
