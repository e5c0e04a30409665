"""Export results: copy or convert them, and list their recipes in a table."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from studio.formats.csv_cells import escaped
from studio.kinds.coding import to_json
from studio.kinds.kind import Medium
from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import numbered
from studio.library.recipes.convert_picture import SUFFIXES, convert_picture
from studio.library.records import Asset
from studio.protocol import Sentence, problem

TABLE = "recipes.csv"

ExportFormat: TypeAlias = Literal["", "webp", "jpeg"]
"""Format to convert pictures to, "" to copy files unchanged."""


def export(
    assets: Sequence[Asset],
    folder: Path,
    format: ExportFormat = "",
    quality: int | None = None,
    on_loss: Callable[[Path, Sentence], object] = lambda _path, _loss: None,
) -> list[Path]:
    """Copy results to `folder` and add a row for each to its `recipes.csv`.

    With `format`, pictures are converted, keeping their recipe; see `convert_picture` for
    `quality`. `on_loss` is called with the copy's path and a message for each loss. Existing
    files are not overwritten; a number is added to the name. Returns the copies. Raises
    `ProblemError` if a file is missing, damaged or too large, and on disk errors; previous copies
    are kept, with their rows in the table.
    """
    table = folder / TABLE
    copies: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_new = not table.exists()
        # The byte order mark tells spreadsheet programs that the table is UTF-8.
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
                target = _copy(asset, folder, format, quality, on_loss)
                recipe = asset.recipe
                writer.writerow(
                    [
                        escaped(target.name),
                        asset.task,
                        escaped(recipe.model_id),
                        recipe.seed,
                        escaped(asset.prompt),
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
    on_loss: Callable[[Path, Sentence], object],
) -> Path:
    name = asset.path.name
    losses: list[Sentence] = []
    content: bytes | None = None
    if format and asset.medium is Medium.PICTURE:
        suffixes = SUFFIXES[format]
        if quality is not None or asset.path.suffix.lower() not in suffixes:
            name = f"{asset.path.stem}{suffixes[0]}"
            content = convert_picture(asset.path, asset.recipe, format, quality, losses.append)
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
    for loss in losses:
        on_loss(target, loss)
    return target
