"""Train the denoiser on the patch codes (step 4 of the recipe).

To resume, run the same command again. It runs on a CUDA
GPU where there is one and on the CPU otherwise.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from build_data import DEFAULT_DATA
from diffusers import PRXTransformer2DModel
from PIL import Image
from torch import Tensor, nn

from starter_recipe import denoiser, flow, icons, lookup, patches, training

SHEET = ("red apple", "grinning cat", "fire engine", "rocket", "guitar", "rose", "house", "dragon")
# Null tokens: sixteen [THING…], [STYLE] and the words. Attention is distributed over
# them too, so their number is part of what the model learns.
SILENT = 26
COLUMNS = ["step", "images", "seconds", "loss", "mse_100", "mse_50", "mse_20"]


@dataclass
class Batches:
    """Random minibatches: pictures, the encoder's states for them, noise."""

    images: Tensor  # (N, 128, 128, 3) uint8
    row: Tensor  # (T, 5) which picture a thing and style has, its fallback's if it lacks one
    thing: Tensor  # (16, T, THING_DIM)
    maps: Tensor  # (5, 16, THING_DIM, 4 * (CODE_DIM + 1)) the units of a style as one map
    constants: Tensor  # (5, 16, 4 * (CODE_DIM + 1))
    order: Tensor  # (16, 4) the patches of each region

    @classmethod
    def load(cls, data: Path) -> Batches:
        things, made = icons.load(data)
        factors = lookup.Lookup.load(data / "lookup.pt")
        thing, style = torch.from_numpy(made.thing).long(), torch.from_numpy(made.style).long()
        number = torch.arange(1, len(thing) + 1).float()[:, None, None]
        row, _ = lookup.fill_table(number, thing, style, len(things))
        maps, constants, order = factors.dense()
        picture = torch.from_numpy(made.images)
        return cls(picture, row[..., 0, 0].long() - 1, factors.things, maps, constants, order)

    def codes(self, thing: Tensor, style: Tensor) -> Tensor:
        """Ids (B,), (B,) → codes (B, 64, CODE_DIM + 1)."""
        vectors = self.thing[:, thing]  # (16, B, K)
        out = torch.empty(len(thing), patches.PATCHES, patches.CODE_DIM + 1)
        for index in range(len(icons.STYLES)):
            mine = (style == index).nonzero()[:, 0]
            for region in range(lookup.REGIONS):
                flat = vectors[region, mine] @ self.maps[index, region]
                flat = flat + self.constants[index, region]
                cells = torch.unflatten(flat, 1, (-1, patches.CODE_DIM + 1))
                out[mine[:, None], self.order[region]] = cells
        return out

    def pictures(self, thing: Tensor, style: Tensor) -> Tensor:
        """Ids (B,), (B,) → (B, 3, 128, 128) in [-1, 1]."""
        return self.images[self.row[thing, style]].permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def measure(model: flow.Denoise, batches: Batches) -> dict[str, float]:
    """Squared error at three noise levels on 50 fixed icons, noise and codes fixed."""
    state = torch.get_rng_state()
    torch.manual_seed(7)
    thing = torch.randperm(batches.thing.shape[1])[:50]
    style = torch.arange(50) % len(icons.STYLES)
    clean = batches.pictures(thing, style)
    states = denoiser.encoder_states(batches.codes(thing, style), style, SILENT)
    noise = torch.randn_like(clean)
    found = {}
    for name, t in (("mse_100", 1.0), ("mse_50", 0.5), ("mse_20", 0.2)):
        level = torch.full((50,), t)
        got = model((1 - t) * clean + t * noise, level, states)
        found[name] = (got - clean).square().mean().item()
    torch.set_rng_state(state)
    return found


@torch.no_grad()
def sheet(model: flow.Denoise, batches: Batches, names: list[str], path: Path) -> None:
    """Draw the eight things of the sheet in five styles, with fixed seeds."""
    thing = torch.tensor([names.index(name) for name in SHEET])
    rows = []
    for style in range(len(icons.STYLES)):
        styles = torch.full_like(thing, style)
        codes = batches.codes(thing, styles)
        generator = torch.Generator().manual_seed(style)
        noise = torch.randn(len(thing), 3, icons.SIZE, icons.SIZE, generator=generator)
        drawn = flow.sample(model, denoiser.encoder_states(codes, styles, SILENT), noise, 4)
        pixels = ((drawn.clamp(-1, 1) + 1) * 127.5).round().byte()
        rows.append(pixels.permute(2, 0, 3, 1).reshape(icons.SIZE, -1, 3))
    Image.fromarray(torch.cat(rows).numpy()).save(path)


def split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Hidden matrices for Muon, the rest for AdamW, what was written down apart.

    The reader is frozen but for its free head; the decoder is already exact, and noisy steps
    would only blur it.
    """
    matrices, others, careful = [], [], []
    for name, parameter in model.named_parameters():
        if name.startswith(("txt_in", "blocks.0.attention.norm")):
            parameter.requires_grad_(False)
        elif name.startswith(("final_layer", "img_in.0", "blocks.0.modulation")):
            careful.append(parameter)
        elif name.startswith(("blocks.0.attention", "img_in")) or "modulation" in name:
            others.append(parameter)
        elif parameter.ndim == 2 and name.startswith("blocks"):
            matrices.append(parameter)
        else:
            others.append(parameter)
    return matrices, others, careful


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--hours", type=float, default=1.0, help="time budget, all runs together")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--tinted", type=float, default=0.35, help="share in other colours")
    parser.add_argument("--own", type=float, default=0.34, help="share that goes on from a draft")
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    data: Path = options.data
    run = data / "denoiser"
    run.mkdir(exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    torch.manual_seed(options.seed)
    batches = Batches.load(data)
    names = [thing.label_en for thing in icons.load(data)[0]]
    factors = lookup.Lookup.load(data / "lookup.pt")
    model = denoiser.new_denoiser(patches.PatchBasis.load(data / "basis.pt"), factors.scale)
    model.to(device)
    denoiser.free_head_only(model)
    average = training.Average(model, options.ema)
    shown: PRXTransformer2DModel = PRXTransformer2DModel.from_config(dict(model.config)).to(device)
    adjusters = training.optimisers(*split(model), rate=options.rate)
    step, seen, seconds = 0, 0, 0.0
    state_path = run / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        for adjuster, stored in zip(adjusters, state["optimisers"], strict=True):
            # The options of this run count, not those of the saved state.
            peaks = [group["peak"] for group in adjuster.param_groups]
            adjuster.load_state_dict(stored)
            for group, peak in zip(adjuster.param_groups, peaks, strict=True):
                group["peak"] = peak
        step, seen, seconds = state["step"], state["images"], state["seconds"]
        torch.manual_seed(options.seed + step)
    log = training.Log(run / "log.csv", COLUMNS, resumed=step > 0)
    forward = torch.compile(model) if options.compile else model
    measured = torch.compile(flow.loss) if options.compile else flow.loss
    own = round(options.own * options.batch)
    one = torch.ones(own)
    generator = torch.Generator().manual_seed(options.seed + step)

    def draw(noisy: Tensor, level: Tensor, states: Tensor) -> Tensor:
        moved = training.to_device(device, noisy, level, states)
        out: Tensor = shown(*moved, return_dict=False)[0]
        return out.cpu()

    running, last = 0.0, time.monotonic()
    since, saved = last, last
    count = batches.thing.shape[1]
    while seconds < options.hours * 3600:
        factor = training.learning_rate(step, seconds / (options.hours * 3600), warmup=50)
        training.set_rate(adjusters, factor)
        thing = torch.randint(count, (options.batch,), generator=generator)
        style = torch.randint(len(icons.STYLES), (options.batch,), generator=generator)
        clean = batches.pictures(thing, style)
        states = denoiser.encoder_states(batches.codes(thing, style), style, SILENT)
        level = flow.noise_levels(options.batch, own, generator)
        clean = flow.tinted(clean, level, options.tinted, own, generator)
        start = clean.clone()
        noise = torch.randn(clean.shape, generator=generator)
        with torch.no_grad():
            drawn = model(*training.to_device(device, noise[:own], one, states[:own]))[0]
        start[:own] = drawn.cpu()
        mix = level[:, None, None, None]
        noisy = (1 - mix) * start + mix * noise
        noisy, level, states, clean = training.to_device(device, noisy, level, states, clean)
        error = measured(forward(noisy, level, states, return_dict=False)[0], clean)
        torch.autograd.backward(error)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for adjuster in adjusters:
            adjuster.step()
            adjuster.zero_grad(set_to_none=True)
        average.update(model)
        step, seen = step + 1, seen + options.batch
        running = running or error.item()
        running += 0.02 * (error.item() - running)
        now = time.monotonic()
        seconds, last = seconds + now - last, now
        over = seconds >= options.hours * 3600
        if now - since > 60 or over:
            average.copy_to(shown)
            found = measure(draw, batches)
            log.row(step=step, images=seen, seconds=seconds, loss=running, **found)
            since = time.monotonic()
        if now - saved > options.every or over:
            training.save_state(
                state_path,
                {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "optimisers": [adjuster.state_dict() for adjuster in adjusters],
                    "step": step,
                    "images": seen,
                    "seconds": seconds,
                },
            )
            average.copy_to(shown)
            sheet(draw, batches, names, run / "sheet.png")
            saved = time.monotonic()


if __name__ == "__main__":
    main()
