"""The app killed during real batches on the starter models, and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from studio.library.records import Asset
from tests.e2e.conftest import ROOT, CommandResult
from tests.e2e.library_checks import checked_results
from tests.e2e.test_batch import results

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def root(environment: dict[str, str]) -> Path:
    return Path(environment["STUDIO_HOME"]) / "library"


def table_of(folder: Path, rows: list[dict[str, object]]) -> Path:
    table = folder / "table.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return table


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the app and assert that its engine exits too."""
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _, orphans = psutil.wait_procs(children, timeout=60)
    assert orphans == []


def check_end(studio: Studio, table: Path, out: Path, root: Path, kept: list[Asset]) -> list[Asset]:
    """Resume to the end; assert that results are kept, missing ones made, and each listed once."""
    before = {asset.path: asset.path.read_bytes() for asset in kept}
    ran = studio("batch", table, "-o", out, "--json", "--resume")
    made = checked_results(root, out)
    assert (ran.status, ran.events[-1]["failed"]) == (0, 0)
    assert len(ran.named("asset")) == len(made) - len(kept)
    assert all(path.read_bytes() == content for path, content in before.items())
    listed = [row["path"] for row in results(out)]
    assert sorted(listed) == sorted(str(asset.path) for asset in made)
    return made


def test_a_text_batch_killed_three_times_makes_only_the_missing_rows(
    studio: Studio, command: Command, root: Path, tmp_path: Path
) -> None:
    rows: list[dict[str, object]] = [
        {"task": "text", "prompt": f"Name animal {n}", "seed": n, "count": 2, "max_tokens": 6}
        for n in range(6)
    ]
    table, out = table_of(tmp_path, rows), tmp_path / "out 狐"
    kept: list[Asset] = []
    for number, moment in enumerate(("loading:2", "asset:3 text:2", "asset:4")):
        resume = ["--resume"] if number else []
        kill(command("batch", table, "-o", out, "--json", *resume, stop_at=moment))
        here = checked_results(root, out)
        assert {asset.id for asset in kept} <= {asset.id for asset in here}
        kept = here
    assert 7 <= len(kept) < 12
    made = check_end(studio, table, out, root, kept)
    seeds = sorted(asset.recipe.seed for asset in made)
    assert seeds == sorted(seed for n in range(6) for seed in (n, n + 1))


def test_24_rows_of_all_tasks_killed_twice_give_exactly_24_assets(
    studio: Studio, command: Command, root: Path, tmp_path: Path
) -> None:
    with Image.open(ROOT / "resources" / "demo" / "cat.png") as cat:
        for n in range(8):
            cat.convert("RGB").crop((8 * n, 8 * n, 8 * n + 24, 8 * n + 16)).save(
                tmp_path / f"cat {n}.png"
            )
    rows: list[dict[str, object]] = []
    for n in range(8):
        rows += [
            {"task": "text", "prompt": f"Name animal {n}", "seed": n, "max_tokens": 5},
            {"task": "image", "prompt": "a red apple", "seed": n, "steps": 1},
            {"task": "upscale", "input": f"cat {n}.png", "scale": 2},
        ]
    table, out = table_of(tmp_path, rows), tmp_path / "out"
    kill(command("batch", table, "-o", out, "--json", stop_at="asset:7 progress:1"))
    first = checked_results(root, out)
    kill(command("batch", table, "-o", out, "--json", "--resume", stop_at="asset:6"))
    second = checked_results(root, out)
    assert 7 <= len(first) < len(second) < 24
    made = check_end(studio, table, out, root, second)
    assert len(made) == 24
    tasks = [asset.task for asset in made]
    assert {task: tasks.count(task) for task in set(tasks)} == {"text": 8, "image": 8, "upscale": 8}
    assert sorted(int(asset.recipe.labels["line"]) for asset in made) == list(range(1, 25))
