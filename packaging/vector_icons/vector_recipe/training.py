"""Parts of the training: average of weights, optimisers, learning rate, state, log."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer

from vector_recipe.model import parts

WARM_UP = 100
MATRIX_RATE = 3e-3
OTHER_RATE = 3e-3


class Average:
    """An exponential moving average of the weights, short at first."""

    def __init__(self, module: nn.Module, decay: float = 0.998) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.updates += 1
        rate = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in module.named_parameters():
            self.shadow[name].lerp_(parameter, rate)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        for name, parameter in module.named_parameters():
            parameter.copy_(self.shadow[name])


def optimisers(module: nn.Module) -> list[Optimizer]:
    """Muon for the hidden matrices, AdamW for the rest."""
    hidden, others = parts(module)
    muon = Muon(hidden, lr=MATRIX_RATE, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    adam = AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    for optimiser in (muon, adam):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, adam]


def rate(step: int, cooled: float) -> float:
    """The factor on the rates: warm-up, flat, and down to 2 % while `cooled` goes from 0 to 1.

    Flat for as long as the training goes on, so that it need not be known how long that is.
    """
    return min(1.0, (step + 1) / WARM_UP) * (1 - 0.98 * min(1.0, max(0.0, cooled)))


def set_rate(optimisers: list[Optimizer], factor: float) -> None:
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * factor


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state so that a crash leaves either the old or the new one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


class Log:
    """A CSV file that grows row by row; a resumed run appends to it."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self.path, self.columns = path, columns
        if not path.exists():
            with path.open("w", newline="") as handle:
                csv.writer(handle).writerow(columns)

    def row(self, **values: float) -> None:
        cells = [f"{values[name]:.6g}" for name in self.columns]
        with self.path.open("a", newline="") as handle:
            csv.writer(handle).writerow(cells)
        print("  ".join(f"{n} {c}" for n, c in zip(self.columns, cells, strict=True)), flush=True)
