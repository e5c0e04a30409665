"""Write the trained model as a transformers folder (step 4 of the recipe)."""

from __future__ import annotations

import argparse
from pathlib import Path

from prepare import DEFAULT_DATA
from train_decoder import load_data

from vector_recipe import export


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    _, vocabulary = load_data(options.data)
    model = export.load(options.data / "run" / "weights.safetensors", vocabulary)
    export.save(model, vocabulary, options.output)


if __name__ == "__main__":
    main()
