"""The app killed at fifty random moments of a batch: nothing lost, nothing duplicated."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.library.recipes.metadata import read_recipe, read_text
from studio.library.store import Library
from tests.e2e.conftest import CommandResult

ROWS = 20
MOMENTS = 50
ROUNDS = 10
"""Batches; each is killed at `MOMENTS / ROUNDS` moments before it is left to end."""


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_killed_batch_loses_nothing_and_duplicates_nothing(
    number: int,
    studio: Callable[..., CommandResult],
    command: Callable[..., subprocess.Popen[str]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    chance = random.Random(number)
    table, out = tmp_path / "table.jsonl", tmp_path / "结果 out"
    rows = [{"task": "text", "prompt": f"row {n}", "seed": n} for n in range(ROWS)]
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for moment in range(MOMENTS // ROUNDS):
        resume = ["--resume"] if moment else []
        process = command("batch", table, "-o", out, "--json", *resume, fake="plain")
        assert process.stdout is not None
        for _ in range(chance.randint(0, 30)):
            if not process.stdout.readline():
                break
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        check(out, Path(environment["STUDIO_HOME"]) / "library")
    assert studio("batch", table, "-o", out, "--json", "--resume", fake="plain").status == 0
    assert check(out, Path(environment["STUDIO_HOME"]) / "library") == ROWS


def check(out: Path, root: Path) -> int:
    """Open the library as at the next start; assert that every file is complete and listed once."""
    library = Library.open(root)
    listed = {asset.path: asset for asset in library.assets.recent(limit=1000)}
    library.close()
    files = list(out.glob("*.md")) if out.exists() else []
    assert set(files) == set(listed)
    for file in files:
        recipe = read_recipe(file)
        assert recipe is not None
        assert f"row {recipe.seed}" in read_text(file)
    assert len({asset.recipe.seed for asset in listed.values()}) == len(files)
    left = [f for f in (out.iterdir() if out.exists() else ()) if f.name.startswith(".")]
    assert left == []
    return len(files)
