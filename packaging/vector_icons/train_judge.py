"""Train the judge on the held-out sets (step 5 of the recipe)."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from prepare import DEFAULT_DATA
from train_decoder import load_data

from vector_recipe import judge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    entries, _ = load_data(options.data)
    shown = judge.of_judges(entries)
    words = judge.words_of(shown)
    print(f"{len(shown)} icons, {len(words)} words", flush=True)
    own = judge.own_score(shown, words, options.epochs)
    print(f"a set that it has not seen: {own:.3f} among the first {judge.NAMED_FIRST}", flush=True)
    judge.save(judge.train(shown, words, options.epochs), options.data / "judge.safetensors", own)


if __name__ == "__main__":
    main()
