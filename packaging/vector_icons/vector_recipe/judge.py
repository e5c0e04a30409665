"""The judge: a small network that names what a drawing shows, from its pixels alone.

It is trained on the sets that the model never sees. What it is worth is measured first, each of
these sets being named by a judge of the others; the figures of the model are divided by that.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from studio.formats.icons.drawing import Look, document
from studio.formats.icons.geometry import Icon, mirrored
from vector_recipe import split
from vector_recipe.dataset import Entry
from vector_recipe.duplicates import render

SIDE = 40
FEWEST_OF_WORD = 4
NAMED_FIRST = 5
_WIDTHS = (1.2, 1.6, 2.0)
_BATCH = 64

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Judge:
    """A trained network, and the words that it names."""

    network: nn.Module
    words: tuple[str, ...]

    @torch.inference_mode()
    def named(self, pixels: Pixels, first: int = NAMED_FIRST) -> list[list[str]]:
        """The words that each picture shows most likely, the likeliest first."""
        scores = self.network(torch.from_numpy(pixels)[:, None])
        return [[self.words[at] for at in row] for row in scores.topk(first).indices.tolist()]


def network(words: int) -> nn.Module:
    sizes = (1, 24, 48, 96, 128)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.GELU(),
            nn.MaxPool2d(2),
        ]
    side = SIDE // 2 ** (len(sizes) - 1)
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Dropout(0.4), nn.Linear(sizes[-1] * side * side, words)
    )


def pixels_of(icon: Icon, width: float = 1.6) -> Pixels:
    return render(document(icon, Look(width, True), SIDE), SIDE)


def words_of(entries: list[Entry]) -> tuple[str, ...]:
    """The words that enough icons of the judges' sets have, the commonest first."""
    counts = Counter(word for entry in entries for word in set().union(*entry.captions))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return tuple(word for word in ranked if counts[word] >= FEWEST_OF_WORD)


def of_judges(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.part == split.SET]


def train(entries: list[Entry], words: tuple[str, ...], epochs: int, seed: int = 0) -> Judge:
    """A judge of these icons, which are shown in several widths, places and mirrored."""
    torch.manual_seed(seed)
    number = {word: at for at, word in enumerate(words)}
    pictures, targets = [], []
    for entry in entries:
        target = torch.zeros(len(words))
        target[[number[word] for word in set().union(*entry.captions) if word in number]] = 1
        for icon in (entry.icon, mirrored(entry.icon)):
            pictures.append(torch.from_numpy(np.stack([pixels_of(icon, w) for w in _WIDTHS])))
            targets.append(target)
    shown, wanted = torch.stack(pictures), torch.stack(targets)
    made = network(len(words))
    optimiser = torch.optim.AdamW(made.parameters(), lr=2e-3, weight_decay=0.05)
    total = epochs * -(-len(shown) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=total)
    for _ in range(epochs):
        for rows in torch.randperm(len(shown)).split(_BATCH):
            widths = torch.randint(len(_WIDTHS), (len(rows),))
            batch = _moved(shown[rows, widths])
            logits = made(batch[:, None])
            share = wanted[rows] / wanted[rows].sum(1, keepdim=True).clamp(min=1)
            loss = -(share * functional.log_softmax(logits, -1)).sum(1).mean()
            torch.autograd.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
    return Judge(made.eval(), words)


def _moved(pictures: Tensor) -> Tensor:
    """Pictures a little shifted, turned and scaled, each otherwise."""
    count = len(pictures)
    scale = torch.empty(count).uniform_(0.8, 1.25)
    turn = torch.empty(count).uniform_(-0.15, 0.15)
    shift = torch.empty(count, 2).uniform_(-0.12, 0.12)
    top = torch.stack([scale * turn.cos(), -scale * turn.sin(), shift[:, 0]], 1)
    bottom = torch.stack([scale * turn.sin(), scale * turn.cos(), shift[:, 1]], 1)
    grid = functional.affine_grid(
        torch.stack([top, bottom], 1), [count, 1, SIDE, SIDE], align_corners=False
    )
    return functional.grid_sample(pictures[:, None], grid, align_corners=False)[:, 0]


def score(judge: Judge, entries: list[Entry]) -> float:
    """The share of icons one of whose words is among the first that the judge names."""
    known = [e for e in entries if not set(judge.words).isdisjoint(set().union(*e.captions))]
    if not known:
        return 0.0
    named = judge.named(np.stack([pixels_of(entry.icon) for entry in known]))
    right = [
        not set(words).isdisjoint(set().union(*entry.captions))
        for entry, words in zip(known, named, strict=True)
    ]
    return sum(right) / len(right)


def own_score(entries: list[Entry], words: tuple[str, ...], epochs: int) -> float:
    """How well icons of a set are named by judges of the other sets, on average."""
    prefixes = sorted({entry.prefix for entry in entries})
    scores = []
    for prefix in prefixes:
        others = [entry for entry in entries if entry.prefix != prefix]
        judged = train(others, words, epochs)
        scores.append(score(judged, [entry for entry in entries if entry.prefix == prefix]))
    return sum(scores) / len(scores)


def save(judge: Judge, path: Path, own: float) -> None:
    state = {name: value.contiguous() for name, value in judge.network.state_dict().items()}
    save_file(state, path, {"words": " ".join(judge.words), "own_score": f"{own:.4f}"})


def load(path: Path) -> tuple[Judge, float]:
    """A saved judge, and its own score."""
    with safe_open(path, "pt") as file:
        about = file.metadata()
        words = tuple(about["words"].split())
        made = network(len(words))
        made.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return Judge(made.eval(), words), float(about["own_score"])
