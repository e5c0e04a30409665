"""Evaluate an exported folder and print the tables of the model card (step 6 of the recipe).

Missing judges are trained first.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from build_data import DEFAULT_DATA
from diffusers import PRXPixelPipeline
from evaluate_prompts import evaluate_prompts
from sample_sheet import DEFAULT_MODEL
from torch import Tensor
from train_judges import train_judges

from starter_recipe import export, icons, judges, styles

LANGUAGES = ("english", "chinese")
STEPS = (1, 2, 4, 10, 20)
"""Numbers of steps to compare, each on `FEW` labels a style."""
FEW = 100


@dataclass
class Judges:
    """The classifiers of things and of styles; of the latter a strict and a tolerant one."""

    thing: judges.ThingJudge
    strict: styles.StyleJudge
    tolerant: styles.StyleJudge

    @classmethod
    def load(cls, folder: Path, things: int) -> Judges:
        found = cls(judges.ThingJudge(things), styles.StyleJudge(), styles.StyleJudge())
        for judge, name in (
            (found.thing, "thing"),
            (found.strict, "style"),
            (found.tolerant, "style_tolerant"),
        ):
            judge.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
            judge.eval()
        return found

    def named(self, pictures: Tensor, things: Tensor) -> dict[str, float]:
        """Pictures (B, 3, 128, 128) of things (B) → shares of those whose thing is judged right."""
        place = judges.rank(self.thing, pictures, things)
        return {"top1": _share(place < 1), "top5": _share(place < 5)}

    def styled(self, pictures: Tensor, looks: Tensor) -> dict[str, float]:
        """Pictures (B, 3, 128, 128) in styles (B) → shares of those whose style is judged right."""
        return {
            "style": _share(judges.rank(self.strict, pictures, looks) < 1),
            "tolerant": _share(judges.rank(self.tolerant, pictures, looks) < 1),
        }

    def shares(self, pictures: Tensor, things: Tensor, style: int) -> dict[str, float]:
        """Both, of pictures in one style."""
        looks = torch.full_like(things, style)
        return {**self.named(pictures, things), **self.styled(pictures, looks)}


def _share(right: Tensor) -> float:
    return round(right.float().mean().item(), 4)


@dataclass
class Real:
    """The real icons as (N, 128, 128, 3) uint8, and which one a thing and style has, or -1."""

    images: Tensor
    row: Tensor

    @classmethod
    def load(cls, data: Path) -> Real:
        things, made = icons.load(data)
        thing, style = torch.from_numpy(made.thing).long(), torch.from_numpy(made.style).long()
        row = torch.full((len(things), len(icons.STYLES)), -1)
        row[thing, style] = torch.arange(len(thing))
        return cls(torch.from_numpy(made.images), row)

    def pictures(self, rows: Tensor) -> Tensor:
        """Rows (B,) → (B, 3, 128, 128) in [-1, 1]."""
        return self.images[rows].permute(0, 3, 1, 2).float() / 127.5 - 1


def prompts_for(
    names: Sequence[Sequence[str]], things: Tensor, style: int, language: str
) -> list[str]:
    """One plain prompt a thing: its label and the name of the style."""
    look = icons.STYLES[style]
    form = "{}, {} style" if language == "english" else "{}，{}风格"
    return [form.format(names[int(thing)][0], look) for thing in things]


def draw_all(
    pipeline: PRXPixelPipeline, prompts: list[str], seed: int, steps: int, batch: int = 25
) -> Tensor:
    """Prompts (B) → pictures (B, 3, 128, 128); prompt i has seed `seed + i`."""
    parts = []
    for start in range(0, len(prompts), batch):
        some = prompts[start : start + batch]
        seeds = [seed + start + index for index in range(len(some))]
        parts.append(export.draw(pipeline, some, seeds, steps))
    return torch.cat(parts)


def nearest(pictures: Tensor, real: Real) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, 128, 128) → the nearest real icon's row and its pixel RMSE, (B,), (B,).

    The candidates are found at a quarter of the resolution, the best eight compared in full.
    """

    def shrink(full: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(full, 4).flatten(1)

    rows = torch.arange(len(real.images))
    small = torch.cat([shrink(real.pictures(part)) for part in torch.split(rows, 500)])
    candidates = torch.cdist(shrink(pictures), small).topk(8, largest=False).indices
    full = torch.unflatten(real.pictures(candidates.flatten()), 0, candidates.shape)
    error = (full - pictures[:, None]).square().mean((2, 3, 4)).sqrt()
    best = error.min(1)
    return candidates.gather(1, best.indices[:, None])[:, 0], best.values


def diversity(
    pipeline: PRXPixelPipeline, names: Sequence[Sequence[str]], things: Tensor, steps: int
) -> dict[str, float]:
    """Mean pixel RMSE between four seeds of a prompt, beside that between styles of a thing."""
    seeds, looks = [], []
    for thing in things:
        prompt = prompts_for(names, thing[None], 0, "english") * 4
        four = draw_all(pipeline, prompt, 100, steps).flatten(1)
        seeds.append(torch.pdist(four).mean() / four.shape[1] ** 0.5)
        asked = [prompts_for(names, thing[None], style, "english")[0] for style in (0, 1, 3)]
        three = draw_all(pipeline, asked, 100, steps).flatten(1)
        looks.append(torch.pdist(three).mean() / three.shape[1] ** 0.5)
    return {
        "between_seeds": round(torch.stack(seeds).mean().item(), 4),
        "between_styles": round(torch.stack(looks).mean().item(), 4),
    }


def speed(pipeline: PRXPixelPipeline) -> dict[str, float]:
    """Seconds for one picture at 10, 20 and 30 steps, the best of three."""
    found = {}
    for steps in (10, 20, 30):
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            export.draw(pipeline, ["a red apple, 3d style"], [0], steps)
            best = min(best, time.perf_counter() - started)
        found[str(steps)] = round(best, 3)
    return found


def style_scores(real: Real, who: Judges) -> dict[str, float]:
    """Return the accuracy of the style judges on real icons of held-out things."""
    thing, style = (real.row >= 0).nonzero(as_tuple=True)
    fresh = styles.kept_back(thing)
    rows = real.row[thing[fresh], style[fresh]]
    return who.styled(real.pictures(rows), style[fresh])


def few_steps(
    pipeline: PRXPixelPipeline, names: Sequence[Sequence[str]], things: Tensor, who: Judges
) -> dict[str, dict[str, float]]:
    """Return the shares of the judges for each number of steps, over all styles, in English."""
    found = {}
    for steps in STEPS:
        looks = []
        for style in range(len(icons.STYLES)):
            drawn = draw_all(pipeline, prompts_for(names, things, style, "english"), 1000, steps)
            looks.append(who.shares(drawn, things, style))
        found[str(steps)] = {
            name: round(sum(look[name] for look in looks) / len(looks), 4) for name in looks[0]
        }
        print(f"{steps} steps", json.dumps(found[str(steps)]), flush=True)
    return found


@torch.no_grad()
def evaluate(folder: Path, data: Path, labels: int, steps: int) -> dict[str, Any]:
    """Return all figures of the tables as plain numbers."""
    pipeline = export.load_pipeline(folder)
    real = Real.load(data)
    phrases = export.phrases(data)
    names = {"english": phrases.en, "chinese": phrases.zh}
    who = Judges.load(data / "judges", len(phrases.things))
    # The labels are drawn once, among things that all styles have, so columns compare.
    generator = torch.Generator().manual_seed(2024)
    complete = (real.row >= 0).all(1).nonzero()[:, 0]
    things = complete[torch.randperm(len(complete), generator=generator)[:labels]]
    unseen = things[styles.kept_back(things)]
    report: dict[str, Any] = {"labels": len(things), "steps": steps, "styles": {}}
    report["judges"] = style_scores(real, who)
    confusion = torch.zeros(len(icons.STYLES), len(icons.STYLES), dtype=torch.long)
    kept: list[tuple[Tensor, Tensor]] = []
    for style, name in enumerate(icons.STYLES):
        look: dict[str, Any] = {}
        own = real.pictures(real.row[things, style])
        fresh = real.pictures(real.row[unseen, style])
        look["real"] = {
            **who.named(own, things),
            **who.styled(fresh, torch.full_like(unseen, style)),
        }
        for language in LANGUAGES:
            prompts = prompts_for(names[language], things, style, language)
            drawn = draw_all(pipeline, prompts, 1000, steps)
            look[language] = who.shares(drawn, things, style)
            guess = torch.cat([who.tolerant(part) for part in torch.split(drawn, 100)]).argmax(1)
            confusion[style] += torch.bincount(guess, minlength=len(icons.STYLES))
            if language == "english":
                kept.append((drawn[:60], real.row[things[:60], style]))
        report["styles"][name] = look
        print(name, json.dumps(look), flush=True)
    row, error = nearest(torch.cat([drawn for drawn, _ in kept]), real)
    asked = torch.cat([rows for _, rows in kept])
    report["memory"] = {
        "nearest_is_the_asked_icon": _share(row == asked),
        "rmse_to_nearest": round(error.mean().item(), 4),
    }
    report["confusion"] = confusion.tolist()
    report["diversity"] = diversity(pipeline, phrases.en, things[:12], steps)
    report["few_steps"] = few_steps(pipeline, phrases.en, things[:FEW], who)
    report["prompts"] = evaluate_prompts(pipeline, phrases)
    report["seconds"] = speed(pipeline)
    return report


def percent(share: float) -> str:
    """A share of one, as it stands in the tables."""
    return f"{100 * share:.1f} %"


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['labels']} labels a style, {report['steps']} steps, guidance 1, one seed a "
        f"prompt. The thing judge never saw a real icon in the style {judges.HELD_OUT}.",
        "",
        "Each cell: thing in the first place, thing in the first five, style by the strict judge, "
        "style by the tolerant judge.",
        "",
        "| style | real icons | English | Chinese |",
        "|---|---|---|---|",
    ]
    for name, look in report["styles"].items():
        mark = " (held out)" if name == judges.HELD_OUT else ""
        cells = [
            ", ".join(percent(look[kind][key]) for key in ("top1", "top5", "style", "tolerant"))
            for kind in ("real", *LANGUAGES)
        ]
        lines.append(f"| {name}{mark} | " + " | ".join(cells) + " |")
    counts = report["confusion"]
    lines += [
        "",
        "Style asked (rows) and style judged by the tolerant judge (columns), pictures:",
        "",
    ]
    lines += ["| | " + " | ".join(icons.STYLES) + " |", "|---|" + "---|" * len(icons.STYLES)]
    for name, row in zip(icons.STYLES, counts, strict=True):
        lines.append(f"| {name} | " + " | ".join(str(one) for one in row) + " |")
    memory, variety, seconds = report["memory"], report["diversity"], report["seconds"]
    lines += [
        "",
        f"- Memory (60 labels a style): {percent(memory['nearest_is_the_asked_icon'])} of the "
        "drawn icons have the very icon that was asked for as the nearest of all training icons; "
        f"mean RMSE to it {memory['rmse_to_nearest']:.3f} (pixels in [-1, 1]).",
        f"- Variety (12 labels): mean RMSE between seeds {variety['between_seeds']:.3f}, between "
        f"styles of one thing {variety['between_styles']:.3f}.",
        "- Seconds a picture, batch of 1: "
        + ", ".join(f"{value:.2f} at {steps} steps" for steps, value in seconds.items())
        + ".",
    ]
    return "\n".join(lines)


def steps_table(report: dict[str, Any]) -> str:
    """Return time and quality for fewer and more steps, as Markdown."""
    lines = [
        "| steps | thing first | thing in the first five | style, strict | style, tolerant |",
        "|---|---|---|---|---|",
    ]
    for steps, shares in report["few_steps"].items():
        cells = [percent(shares[key]) for key in ("top1", "top5", "style", "tolerant")]
        lines.append(f"| {steps} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def prompts_table(report: dict[str, Any]) -> str:
    """How prompts are understood, as Markdown."""
    lines = ["| prompts | drawn right | (named) | nothing known |", "|---|---|---|---|"]
    for kind, shares in report["prompts"].items():
        cells = [percent(shares[name]) for name in ("alone", "named", "nothing")]
        lines.append(f"| {kind} | {cells[0]} | ({cells[1]}) | {cells[2]} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--labels", type=int, default=300)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    options = parser.parse_args()
    if not (options.data / "judges" / "style_tolerant.pt").exists():
        train_judges(options.data)
    report = evaluate(options.model, options.data, options.labels, options.steps)
    if options.output:
        options.output.write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf-8")
    print(table(report), steps_table(report), prompts_table(report), sep="\n\n")


if __name__ == "__main__":
    main()
