"""Copies of results for use elsewhere, with a table of how they were made."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from studio.kinds.coding import to_json
from studio.kinds.kind import Medium
from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import numbered
from studio.library.recipes.convert_picture import SUFFIXES, converted
from studio.library.records import Asset
from studio.protocol import Sentence, problem

TABLE = "recipes.csv"

ExportFormat: TypeAlias = Literal["", "webp", "jpeg"]
"""What pictures are converted to; empty for copies as they are."""


def export(
    assets: Sequence[Asset],
    folder: Path,
    format: ExportFormat = "",
    quality: int | None = None,
    tell: Callable[[Path, Sentence], object] = lambda _path, _lost: None,
) -> list[Path]:
    """Copy results into `folder` and add a line for each to its `recipes.csv`.

    With `format`, pictures are converted (`converted`, also for `quality`, 1 to 100); the
    recipe goes along. `tell` hears what a copy has lost by that. Nothing is overwritten: a name
    that is taken gets a number. Returns the copies. Raises `ProblemError` where a file is gone,
    damaged or too large, or the disk refuses; what was copied before stays, and is in the table.
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
                target = _copy(asset, folder, format, quality, tell)
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


def _copy(
    asset: Asset,
    folder: Path,
    format: ExportFormat,
    quality: int | None,
    tell: Callable[[Path, Sentence], object],
) -> Path:
    name = asset.path.name
    lost: list[Sentence] = []
    content: bytes | None = None
    if format and asset.medium is Medium.PICTURE:
        suffixes = SUFFIXES[format]
        if quality is not None or asset.path.suffix.lower() not in suffixes:
            name = f"{asset.path.stem}{suffixes[0]}"
            content = converted(asset.path, asset.recipe, format, quality, lost.append)
    target = next(
        path for n in range(1, 10_000) if not (path := numbered(folder / name, n)).exists()
    )
    try:
        if content is None:
            shutil.copy2(asset.path, target)
        else:
            target.write_bytes(content)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    for sentence in lost:
        tell(target, sentence)
    return target
