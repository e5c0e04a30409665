"""How well prompts are understood, without drawing: a part of step 7 of the recipe."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from build_data import DEFAULT_DATA
from torch import Tensor
from train_text import text_ids
from transformers import PreTrainedTokenizerFast

from starter_recipe import encoder, export, reader

SHARE = 0.85  # of all that is on: from here on one thing is drawn, and not a mixture

AROUND = {
    "English": (
        "a red {}",
        "a cute little {}",
        "an icon of a {}",
        "draw me a {}",
        "{}, 3D style",
        "a very pretty {} on a table",
    ),
    "Chinese": (
        "一个{}",
        "一辆{}",
        "红色的{}",
        "一个红色的{}",
        "可爱的{}",
        "请帮我画一个{}",
        "{}，3D风格",
        "桌子上的{}",
        "桌子上有一个很漂亮的{}",
    ),
}
"""What people say around a name: language → templates."""


def prompt_sets(names: list[list[str]], language: str) -> dict[str, tuple[list[str], list[int]]]:
    """Kinds of prompts, each with the ids of the things they name; all without a style."""
    order = list(range(len(names)))
    others = [(phrase, index) for index in order for phrase in names[index][1:]]
    random.Random(0).shuffle(others)
    others = others[:3000]
    return {
        f"{language}: labels": ([mine[0] for mine in names], order),
        f"{language}: other names and tags": ([p for p, _ in others], [i for _, i in others]),
        **{
            f'{language}: "{around.format("…")}"': ([around.format(m[0]) for m in names], order)
            for around in AROUND[language]
        },
    }


@torch.no_grad()
def understood(logits: Tensor, wanted: Tensor) -> dict[str, float]:
    """Logits (B, T), ids (B,) → shares named right, drawn alone, and with nothing on."""
    level = torch.nn.functional.gelu(logits + encoder.LOWER).clamp_min(0)
    total = level.sum(1)
    own = level.gather(1, wanted[:, None])[:, 0] / total.clamp_min(1e-6)
    return {
        "named": (logits.argmax(1) == wanted).float().mean().item(),
        "alone": (own > SHARE).float().mean().item(),
        "nothing": (total < 0.05).float().mean().item(),
    }


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    options = parser.parse_args()
    phrases = export.phrases(options.data)
    run = options.data / "text"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(run / "tokenizer")
    model = reader.Reader(len(tokenizer), len(phrases.things))
    export.averaged(model, torch.load(run / "state.pt", map_location="cpu", weights_only=True))
    report = {}
    for language, names in (("English", phrases.en), ("Chinese", phrases.zh)):
        for kind, (texts, wanted) in prompt_sets(names, language).items():
            parts = [
                model(*text_ids(tokenizer, texts[i : i + 500]))[0]
                for i in range(0, len(texts), 500)
            ]
            report[kind] = understood(torch.cat(parts), torch.tensor(wanted))
            print(kind, {name: round(value, 3) for name, value in report[kind].items()})
    if options.output:
        options.output.write_text(json.dumps(report, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
