"""Factor the icons into the picture table of the text encoder (step 2 of the recipe)."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from build_data import DEFAULT_DATA

from starter_recipe import icons, lookup, patches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    data: Path = parser.parse_args().data
    started = time.monotonic()
    things, made = icons.load(data)
    thing, style = torch.from_numpy(made.thing).long(), torch.from_numpy(made.style).long()
    basis = patches.PatchBasis.fit(made.images)
    coefficients = basis.encode_all(made.images)
    scale = lookup.Scale.fit(basis, coefficients)
    table, _ = lookup.fill_table(scale.to_sphere(coefficients), thing, style, len(things))
    factors = lookup.factor(table, scale)
    basis.save(data / "basis.pt")
    factors.save(data / "lookup.pt")
    print(f"{sum(len(unit.read) for unit in factors.units)} terms")
    total = (coefficients - coefficients.mean(0)).pow(2).sum((1, 2))
    for index, name in enumerate(icons.STYLES):
        mine = style == index
        got = scale.from_sphere(factors.codes(index)[thing[mine]])
        error = (got - coefficients[mine]).pow(2).sum((1, 2))
        share = 1 - error.sum() / total[mine].sum()
        pixel = error.mean() / (patches.PATCHES * patches.PATCH_DIM)
        print(f"  {name:9s} variance kept {share:.4f}, pixel error {pixel:.5f}")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
