"""Measure the model (step 6 of the recipe): what it draws, how varied, how new, and how fast."""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from prepare import DEFAULT_DATA
from train_decoder import held_out, load_data, measure

from studio.engine.tasks.icon import sampling
from studio.formats.icons import geometry
from vector_recipe import batches, dataset, duplicates, export, judge, measures, split

STYLE = ("<rounded>", "<bold>")
SEEDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--weights", type=Path, help="safetensors; else those of the training")
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--guidance", type=float, default=1.5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    entries, vocabulary = load_data(options.data)
    prompts = batches.Prompts(vocabulary)
    weights = options.weights or options.data / "run" / "weights.safetensors"
    model = export.load(weights, vocabulary)
    judged, own = judge.load(options.data / "judge.safetensors")
    choice = sampling.Choice(guidance=options.guidance)
    nothing = prompts.prompt((), ())

    def drawn(text: str) -> list[geometry.Icon]:
        ids = prompts.prompt(prompts.read(text).known, STYLE)
        return sampling.draw(model, ids, nothing, list(range(1, SEEDS + 1)), choice)

    words = [word for word in judged.words if word in prompts.words][: options.words]
    begun = time.monotonic()
    icons = {word: drawn(word) for word in words}
    seconds = (time.monotonic() - begun) / max(1, len(words))
    found: dict[str, float] = {"held-out " + k: v for k, v in _losses(model, prompts, entries)}
    every = [icon for many in icons.values() for icon in many]
    found["on the grid"] = sum(map(geometry.on_grid, every)) / len(every)
    named = [
        word in words_
        for word, many in icons.items()
        for words_ in judged.named(np.stack([judge.pixels_of(icon) for icon in many]))
    ]
    found["thing named"] = sum(named) / len(named)
    found["thing named by the judge in real icons"] = own
    found["thing named, ratio"] = found["thing named"] / max(own, 1e-6)
    real = measures.by_word(entries, words)
    found["variety, ratio"] = measures.variety(icons, real)
    train = [entry.icon for entry in entries if entry.part == split.TRAIN]
    found["share that is not new"] = measures.not_new(every, duplicates.pictures(train)[0], real)
    known = set(judged.words)
    pairs = sorted(
        {tuple(e.words) for e in entries if e.part == split.COMBINATION and len(e.words) == 2}
    )
    pairs = [pair for pair in pairs if known.issuperset(pair)]
    random.Random(0).shuffle(pairs)
    both = [
        set(pair) <= set(words_)
        for pair in pairs[: options.pairs]
        for words_ in judged.named(np.stack([judge.pixels_of(i) for i in drawn(" ".join(pair))]))
    ]
    found["combinations, both named"] = sum(both) / max(1, len(both))
    found["seconds for 16"] = seconds
    for name, value in found.items():
        print(f"{name:45} {value:.3f}")
    (options.data / "measured.json").write_text(json.dumps(found, indent=1), "utf-8")


def _losses(
    model: torch.nn.Module, prompts: batches.Prompts, entries: list[dataset.Entry]
) -> list[tuple[str, float]]:
    return list(measure(model, held_out(entries, prompts)).items())


if __name__ == "__main__":
    main()
