"""Train the classifiers used by the evaluation: one for things, two for styles.

`evaluate.py` does this where they are missing; this script always trains them again.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import torch
from build_data import DEFAULT_DATA
from PIL import Image
from torch import Tensor, nn

from starter_recipe import icons, judges, styles, training


def fit(judge: nn.Module, images: Tensor, wanted: Tensor, epochs: int, rate: float) -> None:
    """Train on pictures (N, 128, 128, 3) uint8 with labels (N,)."""
    adam = torch.optim.AdamW(judge.parameters(), lr=rate, weight_decay=0.01)
    steps = epochs * -(-len(images) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=rate, total_steps=steps)
    judge.train()
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.split(torch.randperm(len(images)), 64):
            pictures = images[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1
            logits = judge(judges.jitter(pictures))
            error = nn.functional.cross_entropy(logits, wanted[chosen], label_smoothing=0.05)
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(error)
            adam.step()
            schedule.step()
            total += error.item() * len(chosen)
        print(f"  epoch {epoch + 1}/{epochs}: loss {total / len(images):.4f}", flush=True)


def pressed(images: Tensor) -> Tensor:
    """JPEG copies, quality 15 to 60, of pictures (N, 128, 128, 3) uint8."""
    copies = []
    for image in images.numpy():
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=int(torch.randint(15, 60, (1,))))
        copies.append(np.asarray(Image.open(buffer)))
    return torch.from_numpy(np.stack(copies))


@torch.no_grad()
def spoilt_features(images: Tensor) -> Tensor:
    """Pictures (N, 128, 128, 3) uint8, pressed and most of them with soft grain → (N, F)."""
    found = []
    for part in torch.split(images, 128):
        pictures = pressed(part).permute(0, 3, 1, 2).float() / 127.5 - 1
        count = len(pictures)
        grain = 3 * nn.functional.avg_pool2d(torch.randn(count, 3, 130, 130), 3, 1)
        scale = 0.12 * torch.rand(count, 1, 1, 1) * (torch.rand(count, 1, 1, 1) < 0.7)
        found.append(styles.features((pictures + scale * grain).clamp(-1, 1)))
    return torch.cat(found)


@torch.no_grad()
def style_features(images: Tensor, noise: float) -> Tensor:
    """Pictures (N, 128, 128, 3) uint8 → features (N, F), each with noise up to that scale."""
    found = []
    for part in torch.split(images, 128):
        pictures = part.permute(0, 3, 1, 2).float() / 127.5 - 1
        scale = noise * torch.rand(len(pictures), 1, 1, 1)
        found.append(styles.features((pictures + scale * torch.randn_like(pictures)).clamp(-1, 1)))
    return torch.cat(found)


def fit_style(
    judge: styles.StyleJudge, images: Tensor, wanted: Tensor, epochs: int, tolerant: bool
) -> None:
    """Train on each picture as it is and with grain; a tolerant judge on spoilt ones as well."""
    parts = [style_features(images, 0.0), style_features(images, 0.12)]
    if tolerant:
        parts += [spoilt_features(images)] * 2
    numbers = torch.cat(parts)
    wanted = wanted.repeat(len(parts))
    adam = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.05)
    steps = epochs * -(-len(numbers) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=2e-3, total_steps=steps)
    judge.train()
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(numbers)), 128):
            logits = judge.read(numbers[chosen])
            error = nn.functional.cross_entropy(logits, wanted[chosen], label_smoothing=0.05)
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(error)
            adam.step()
            schedule.step()


THING_EPOCHS = 12
STYLE_EPOCHS = 40


def train_judges(data: Path) -> None:
    """Train all three and keep them in `judges/`, with their scores on real icons printed."""
    run = data / "judges"
    run.mkdir(exist_ok=True)
    torch.manual_seed(0)
    things, made = icons.load(data)
    images = torch.from_numpy(made.images)
    thing, style = torch.from_numpy(made.thing).long(), torch.from_numpy(made.style).long()

    held_out = style == icons.STYLES.index(judges.HELD_OUT)
    namer = judges.ThingJudge(len(things))
    train = ~held_out
    fit(namer, images[train], thing[train], THING_EPOCHS, 2e-3)
    namer.eval()
    real = images[held_out].permute(0, 3, 1, 2).float() / 127.5 - 1
    place = judges.rank(namer, real, thing[held_out])
    first, five = (place < 1).float().mean(), (place < 5).float().mean()
    print(f"things, real {judges.HELD_OUT}: top-1 {first:.3f}, top-5 {five:.3f}")
    training.save_state(run / "thing.pt", namer.state_dict())

    train = ~styles.kept_back(thing)
    real = images[~train].permute(0, 3, 1, 2).float() / 127.5 - 1
    for name, tolerant in (("style", False), ("style_tolerant", True)):
        styler = styles.StyleJudge()
        fit_style(styler, images[train], style[train], STYLE_EPOCHS, tolerant)
        styler.eval()
        share = (judges.rank(styler, real, style[~train]) < 1).float().mean()
        print(f"{name}, real held-out things: {share:.3f}")
        training.save_state(run / f"{name}.pt", styler.state_dict())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    train_judges(parser.parse_args().data)


if __name__ == "__main__":
    main()
