"""Train the two classifiers that the evaluation uses (step 6 of the recipe)."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from build_data import DEFAULT_DATA
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


@torch.no_grad()
def style_features(images: Tensor, noise: float) -> Tensor:
    """Pictures (N, 128, 128, 3) uint8 → features (N, F), each with noise up to that scale."""
    found = []
    for part in torch.split(images, 128):
        pictures = part.permute(0, 3, 1, 2).float() / 127.5 - 1
        scale = noise * torch.rand(len(pictures), 1, 1, 1)
        found.append(styles.features((pictures + scale * torch.randn_like(pictures)).clamp(-1, 1)))
    return torch.cat(found)


def fit_style(judge: styles.StyleJudge, images: Tensor, wanted: Tensor, epochs: int) -> None:
    """Train on each picture twice: as it is, and with grain, which says nothing of a style."""
    numbers = torch.cat([style_features(images, 0.0), style_features(images, 0.12)])
    wanted = wanted.repeat(2)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--thing-epochs", type=int, default=12)
    parser.add_argument("--style-epochs", type=int, default=40)
    parser.add_argument("--only", choices=("thing", "style"))
    options = parser.parse_args()
    run = options.data / "judges"
    run.mkdir(exist_ok=True)
    torch.manual_seed(0)
    things, made = icons.load(options.data)
    images = torch.from_numpy(made.images)
    thing, style = torch.from_numpy(made.thing).long(), torch.from_numpy(made.style).long()

    if options.only != "style":
        held_out = style == icons.STYLES.index(judges.HELD_OUT)
        namer = judges.ThingJudge(len(things))
        train = ~held_out
        fit(namer, images[train], thing[train], options.thing_epochs, 2e-3)
        namer.eval()
        real = images[held_out].permute(0, 3, 1, 2).float() / 127.5 - 1
        place = judges.rank(namer, real, thing[held_out])
        first, five = (place < 1).float().mean(), (place < 5).float().mean()
        print(f"things, real {judges.HELD_OUT}: top-1 {first:.3f}, top-5 {five:.3f}")
        training.save_state(run / "thing.pt", namer.state_dict())

    if options.only != "thing":
        styler = styles.StyleJudge()
        train = thing % 5 != 0
        fit_style(styler, images[train], style[train], options.style_epochs)
        styler.eval()
        real = images[~train].permute(0, 3, 1, 2).float() / 127.5 - 1
        share = (judges.rank(styler, real, style[~train]) < 1).float().mean()
        print(f"styles, real held-out things: {share:.3f}")
        training.save_state(run / "style.pt", styler.state_dict())


if __name__ == "__main__":
    main()
