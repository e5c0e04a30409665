"""`studio library reproduce` on the real starter models: identical, or what differs and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.library.store import Library
from tests.e2e.conftest import ROOT, CommandResult

Studio = Callable[..., CommandResult]
STARTER = ROOT / "resources" / "models" / "starter-icons"
ROWS = (
    {"task": "text", "prompt": "Name a fox", "seed": 4, "count": 2, "max_tokens": 8},
    {"task": "image", "prompt": "a red apple", "seed": 4, "count": 2, "steps": 3},
    {"task": "image", "prompt": "a red apple", "seed": 4, "steps": 3, "model": "my-icons"},
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home with two answers, two pictures, and one picture by the user's own model."""
    folder = tmp_path_factory.mktemp("reproduce")
    environment = {**os.environ, "STUDIO_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    environment.pop("STUDIO_FAKE_ENGINE", None)
    mine = folder / "home" / "models" / "my-icons"
    shutil.copytree(STARTER, mine)
    table = folder / "table.jsonl"
    table.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "studio", "batch", str(table)], cwd=ROOT, env=environment, check=True
    )
    # Another model under the old name: half of the layer that reads the prompt becomes zero.
    (weights,) = (mine / "transformer").glob("*.safetensors")
    with weights.open("r+b") as file:
        file.seek(-100_000, os.SEEK_END)
        file.write(bytes(100_000))
    return environment


def asset_id(environment: dict[str, str], task: str, row: int, *, mine: bool = False) -> str:
    library = Library.open(Path(environment["STUDIO_HOME"]) / "library", run_queue=False)
    (found,) = [
        asset.id
        for asset in library.assets.recent()
        if (asset.task, asset.row) == (task, row)
        and (asset.recipe.model_id == "my-icons") == mine
        and "reproduces" not in asset.recipe.labels
    ]
    library.close()
    return found


@pytest.mark.parametrize("task", ["text", "image"])
def test_one_of_several_results_is_reproduced_identically(
    studio: Studio, environment: dict[str, str], task: str
) -> None:
    first = asset_id(environment, task, 1)
    ran = studio("library", "reproduce", first, "--json")
    (found,) = ran.named("comparison")
    assert (ran.status, found["identical"], found["notes"]) == (0, True, [])
    assert ran.events[-1]["event"] == "done"
    shown = json.loads(studio("library", "show", found["asset"], "--json").out)
    assert shown["labels"]["reproduces"] == first
    assert shown["seed"] == 5


def test_a_changed_model_file_under_the_old_name_is_detected(
    studio: Studio, environment: dict[str, str]
) -> None:
    ran = studio("library", "reproduce", asset_id(environment, "image", 0, mine=True))
    assert ran.status == 1
    assert "The picture is not identical" in ran.out
    assert "its weights have been changed or replaced" in ran.out


def test_an_unknown_result_is_a_usage_error(studio: Studio) -> None:
    ran = studio("library", "reproduce", "nobody")
    assert (ran.status, ran.out) == (2, "")
    assert "nobody" in ran.err
