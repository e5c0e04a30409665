"""Measure the model (step 6 of the recipe): what it draws, how varied, how new, and how fast."""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from prepare import DEFAULT_DATA
from train_decoder import MEASURED_OF_A_PART, held_out, load_data, measure
from transformers import LlamaForCausalLM

from studio.engine.tasks.icon import sampling
from studio.formats.icons import chinese, geometry
from studio.formats.icons.drawing import Look, document, read_document
from vector_recipe import batches, dataset, duplicates, export, judge, measures, split

STYLE = ("<rounded>", "<bold>")
SEEDS = 8
LOOK = Look(2.0, True)

Icons = list[geometry.Icon]


class Drawer:
    """Draws the icons of prompts, those of one prompt once."""

    def __init__(
        self, model: LlamaForCausalLM, prompts: batches.Prompts, choice: sampling.Choice
    ) -> None:
        self.model = model
        self.prompts = prompts
        self.choice = choice
        self._drawn: dict[tuple[int, ...], Icons] = {}

    def icons(self, text: str) -> Icons:
        """The icons of a prompt as a person writes it, one for each seed; none for no words."""
        known = self.prompts.read(text).known
        ids = self.prompts.prompt(known, STYLE)
        if not known:
            return []
        if tuple(ids) not in self._drawn:
            nothing = self.prompts.prompt((), ())
            seeds = list(range(1, SEEDS + 1))
            made = sampling.draw(self.model, ids, nothing, seeds, self.choice)
            self._drawn[tuple(ids)] = made
        return self._drawn[tuple(ids)]

    def seconds_for_16(self, texts: Sequence[str]) -> float:
        """Processor seconds of a call with 16 seeds, the median of some prompts."""
        nothing = self.prompts.prompt((), ())
        found = []
        for text in texts:
            ids = self.prompts.prompt(self.prompts.read(text).known, STYLE)
            begun = time.process_time()
            sampling.draw(self.model, ids, nothing, list(range(16)), self.choice)
            found.append(time.process_time() - begun)
        return float(np.median(found)) if found else 0.0


def named(judged: judge.Judge, words: Sequence[str], icons: Icons) -> list[bool]:
    """Whether the judge names all of the words among its first ones, for each icon."""
    if not icons:
        return [False] * SEEDS
    pixels = np.stack([judge.pixels_of(icon) for icon in icons])
    return [set(words) <= set(found) for found in judged.named(pixels)]


def is_valid(icon: geometry.Icon) -> bool:
    """Whether an icon is on the grid, is an SVG document, and shows something."""
    svg = document(icon, LOOK, judge.SIDE)
    is_document = read_document(svg) is not None
    return is_document and geometry.on_grid(icon) and bool(duplicates.render(svg, 40).any())


def share(found: Sequence[bool]) -> float:
    return sum(found) / max(1, len(found))


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
    drawer = Drawer(model, prompts, sampling.Choice(guidance=options.guidance))
    words = [word for word in judged.words if word in prompts.words][: options.words]

    found: dict[str, float] = _losses(model, prompts, entries)
    icons = {word: drawer.icons(word) for word in words}
    every = [icon for many in icons.values() for icon in many]
    found["words"] = len(words)
    found["valid SVG that renders"] = share([is_valid(icon) for icon in every])
    english = {word: share(named(judged, [word], many)) for word, many in icons.items()}
    found["thing named"] = float(np.mean(list(english.values())))
    found["thing named by the judge in real icons"] = own
    found["thing named, ratio"] = found["thing named"] / max(own, 1e-6)
    found |= _chinese(drawer, judged, english)
    real = measures.by_word(entries, words)
    found["variety, ratio"] = measures.variety(icons, real)
    train = [entry.icon for entry in entries if entry.part == split.TRAIN]
    found["share that is not new"] = measures.not_new(every, duplicates.pictures(train)[0], real)
    found |= _combinations(drawer, judged, entries, options.pairs)
    found["processor seconds for 16"] = drawer.seconds_for_16(words[:5])
    for name, value in found.items():
        print(f"{name:45} {value:.3f}")
    (options.data / "measured.json").write_text(json.dumps(found, indent=1), "utf-8")


def _losses(
    model: torch.nn.Module, prompts: batches.Prompts, entries: list[dataset.Entry]
) -> dict[str, float]:
    """Losses a token: held-out parts, what was trained on, and with the words of other icons."""
    found = {f"loss, {name}": v for name, v in measure(model, held_out(entries, prompts)).items()}
    for part, name in ((split.TRAIN, "trained on"), (split.DRAWING, "words of other icons")):
        of_part = [entry for entry in entries if entry.part == part]
        some = random.Random(0).sample(of_part, min(MEASURED_OF_A_PART, len(of_part)))
        rows = [prompts.plain(entry) for entry in some]
        if part == split.DRAWING:
            others = [*rows[1:], *rows[:1]]
            rows = [(other[0], row[1]) for row, other in zip(rows, others, strict=True)]
        measured = measure(model, {name: batches.in_batches(rows, 4096)})
        found |= {f"loss, {name}": value for name, value in measured.items()}
    return found


def _chinese(drawer: Drawer, judged: judge.Judge, english: Mapping[str, float]) -> dict[str, float]:
    """How often the thing is found by the first Chinese name of a word, as a share of English."""
    names: dict[str, str] = {}
    for name, word in chinese.load().items():
        names.setdefault(word, name)
    both = [word for word in english if word in names]
    ours = [share(named(judged, [word], drawer.icons(names[word]))) for word in both]
    theirs = [english[word] for word in both]
    return {
        "words with a Chinese name": len(both),
        "Chinese ÷ English": float(sum(ours) / max(sum(theirs), 1e-6)),
    }


def _combinations(
    drawer: Drawer, judged: judge.Judge, entries: list[dataset.Entry], count: int
) -> dict[str, float]:
    """How often both parts of a pair that was held out are named, also in real icons."""
    held = [e for e in entries if e.part == split.COMBINATION and len(e.words) == 2]
    known = set(judged.words)
    shown = [entry for entry in held if known.issuperset(entry.words)]
    pairs = sorted({tuple(entry.words) for entry in shown})
    random.Random(0).shuffle(pairs)
    pairs = pairs[:count]
    drawn = [
        is_named for pair in pairs for is_named in named(judged, pair, drawer.icons(" ".join(pair)))
    ]
    real = [named(judged, entry.words, [entry.icon])[0] for entry in shown]
    return {
        "pairs held out": len(pairs),
        "combinations, both named": share(drawn),
        "combinations, both named in real icons": share(real),
    }


if __name__ == "__main__":
    main()
