"""Build the training set of the starter image model (step 1 of the recipe)."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from starter_recipe import icons

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "data" / "starter"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    data: Path = parser.parse_args().data
    data.mkdir(parents=True, exist_ok=True)
    things, made = icons.build(data)
    counts = np.bincount(made.style, minlength=len(icons.STYLES))
    print(f"{len(made.images)} icons of {len(things)} things")
    for name, count in zip(icons.STYLES, counts, strict=True):
        print(f"  {name:9s} {count}")


if __name__ == "__main__":
    main()
