"""Train the reading half of the text encoder on captions (step 3 of the recipe).

Needs no pictures and can run at the same time as step 4. To resume, run the same command again.
It runs on a CUDA GPU where there is one and on the CPU otherwise.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from build_data import DEFAULT_DATA
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from starter_recipe import captions, icons, reader, tokens, training

COLUMNS = ["step", "captions", "seconds", "loss", "english", "chinese", "emoji", "style", "exact"]


def text_ids(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Token ids (B, L) and mask (B, L) of the prompts, without the prefix."""
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(device)
    return batch["input_ids"][:, tokens.PREFIX :], batch["attention_mask"][:, tokens.PREFIX :]


@torch.no_grad()
def measure(
    model: reader.Reader, tokenizer: PreTrainedTokenizerFast, phrases: captions.Phrases
) -> dict[str, float]:
    """On one plain prompt a thing, in each language and as emoji: shares of

    things named right, styles named right, and prompts where exactly the right ones are on.
    """
    count = len(phrases.things)
    wanted = torch.arange(count)
    style = wanted % len(icons.STYLES)
    names = [icons.STYLES[int(index)] for index in style]
    prompts = {
        "english": [f"{p[0]}, {y} style" for p, y in zip(phrases.en, names, strict=True)],
        "chinese": [f"{p[0]}，{y}风格" for p, y in zip(phrases.zh, names, strict=True)],
        "emoji": [f"{t.emoji} {y}" for t, y in zip(phrases.things, names, strict=True)],
    }
    found: dict[str, float] = {}
    device = model.words.device
    styles, clean = [], []
    for kind, texts in prompts.items():
        parts = [
            model(*text_ids(tokenizer, texts[i : i + 256], device)) for i in range(0, count, 256)
        ]
        things, looks = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
        found[kind] = (things.argmax(-1) == wanted).float().mean().item()
        styles.append((looks.argmax(-1) == style).float().mean().item())
        one = ((things > 0).sum(-1) == 1) & ((looks > 0).sum(-1) == 1)
        right = (things.argmax(-1) == wanted) & (looks.argmax(-1) == style)
        clean.append((one & right).float().mean().item())
    return {**found, "style": sum(styles) / 3, "exact": sum(clean) / 3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--hours", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=384)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run = options.data / "text"
    run.mkdir(exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(options.seed)
    rows = json.loads((options.data / "things.json").read_text("utf-8"))
    phrases = captions.Phrases([icons.Thing(**row) for row in rows])
    tokenizer = tokens.new_tokenizer(phrases)
    tokenizer.save_pretrained(run / "tokenizer")
    count = len(phrases.things)
    model = reader.Reader(len(tokenizer), count).to(device)
    average = training.Average(model, 0.995)
    shown = reader.Reader(len(tokenizer), count).to(device)
    adam = torch.optim.AdamW(model.parameters(), lr=options.rate, betas=(0.9, 0.98), weight_decay=0)
    adam.param_groups[0]["peak"] = options.rate
    step, seconds = 0, 0.0
    state_path = run / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        adam.load_state_dict(state["adam"])
        step, seconds = state["step"], state["seconds"]
    stream = captions.Captions(phrases, options.seed + step)
    log = training.Log(run / "log.csv", COLUMNS, resumed=step > 0)
    budget = options.hours * 3600
    last = since = time.monotonic()
    running = 0.0
    while seconds < budget:
        training.set_rate([adam], training.learning_rate(step, seconds / budget, warmup=50))
        drawn = [stream.draw() for _ in range(options.batch)]
        ids, mask = text_ids(tokenizer, [caption.text for caption in drawn], device)
        thing = torch.tensor([caption.thing for caption in drawn], device=device)
        style = torch.tensor([caption.style for caption in drawn], device=device)
        named, styled = model(ids, mask)
        # The margin comes in from a quarter of the time to a half.
        margin = min(1.0, max(0.0, 4 * seconds / budget - 1)) ** 2
        error = reader.naming_loss(named, thing, margin)
        error = error + reader.naming_loss(styled, style, margin)
        torch.autograd.backward(error)
        adam.step()
        adam.zero_grad(set_to_none=True)
        average.update(model)
        step += 1
        running = error.item() if running == 0 else 0.95 * running + 0.05 * error.item()
        now = time.monotonic()
        seconds, last = seconds + now - last, now
        if now - since > 45 or seconds >= budget:
            average.copy_to(shown)
            found = measure(shown, tokenizer, phrases)
            seen = step * options.batch
            log.row(step=step, captions=seen, seconds=seconds, loss=running, **found)
            training.save_state(
                state_path,
                {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "adam": adam.state_dict(),
                    "step": step,
                    "seconds": seconds,
                },
            )
            since = time.monotonic()


if __name__ == "__main__":
    main()
