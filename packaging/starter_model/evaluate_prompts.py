"""How well prompts are understood, without drawing: a part of `evaluate.py`."""

from __future__ import annotations

import random

import torch
from diffusers import PRXPixelPipeline
from torch import Tensor

from starter_recipe import captions, encoder

SHARE = 0.85  # of the total activation: from here on a single thing is drawn, no mixture

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
def evaluate_prompts(
    pipeline: PRXPixelPipeline, phrases: captions.Phrases
) -> dict[str, dict[str, float]]:
    """Kinds of prompts → shares of them, by what the pipeline's text encoder reads."""
    report = {}
    count = len(phrases.things)
    for language, names in (("English", phrases.en), ("Chinese", phrases.zh)):
        for kind, (texts, wanted) in prompt_sets(names, language).items():
            parts = []
            for start in range(0, len(texts), 200):
                some = texts[start : start + 200]
                batch = pipeline.tokenizer(some, padding=True, truncation=True, return_tensors="pt")
                ids, mask = batch["input_ids"], batch["attention_mask"]
                parts.append(encoder.names_read(pipeline.text_encoder, ids, mask, count))
            report[kind] = understood(torch.cat(parts), torch.tensor(wanted))
            print(kind, {name: round(value, 3) for name, value in report[kind].items()}, flush=True)
    return report
