"""Copies of results for use elsewhere, with a table of how they were made."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

from studio.library.database import file_problem
from studio.library.files import numbered
from studio.library.records import Asset
from studio.protocol import problem, to_json

TABLE = "recipes.csv"


def export(assets: Sequence[Asset], folder: Path) -> list[Path]:
    """Copy results into `folder` and add a line for each to its `recipes.csv`.

    Nothing is overwritten: a name that is taken gets a number. Returns the copies. Raises
    `ProblemError` where a file is gone or the disk refuses; what was copied before stays, and
    is in the table.
    """
    table = folder / TABLE
    copies: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_new = not table.exists()
        # The mark at the beginning tells spreadsheet programs that the table is UTF-8.
        encoding = "utf-8-sig" if is_new else "utf-8"
        with table.open("a", encoding=encoding, newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["file", "task", "model", "seed", "prompt", "recipe"])
            for asset in assets:
                if not asset.path.is_file():
                    raise problem(
                        "bad_input",
                        "The file {name} is no longer where it was saved.",
                        name=asset.path.name,
                    )
                target = next(
                    path
                    for n in range(1, 10_000)
                    if not (path := numbered(folder / asset.path.name, n)).exists()
                )
                shutil.copy2(asset.path, target)
                recipe = asset.recipe
                writer.writerow(
                    [
                        target.name,
                        asset.task,
                        recipe.model_id,
                        recipe.seed,
                        asset.prompt,
                        to_json(recipe),
                    ]
                )
                copies.append(target)
    except OSError as error:
        raise file_problem(error, folder) from error
    return copies
