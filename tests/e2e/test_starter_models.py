"""The real starter models behind the real command line: prompt in, file out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
from PIL import Image

from studio.library.metadata import read_recipe
from tests.e2e.conftest import ROOT, Ran

Studio = Callable[..., Ran]
SLOGAN = ("text", "-p", "Write a slogan for a bicycle repair shop", "--json")


def answer(path: str) -> str:
    return Path(path).read_text("utf-8").split("\n---\n", 1)[1].strip()


def test_four_slogans_are_the_same_each_time_and_row_2_is_seed_9(
    studio: Studio, tmp_path: Path
) -> None:
    first = studio(*SLOGAN, "-n", 4, "--seed", 7, "-o", tmp_path / "a")
    again = studio(*SLOGAN, "-n", 4, "--seed", 7, "-o", tmp_path / "b")
    alone = studio(*SLOGAN, "-n", 1, "--seed", 9, "-o", tmp_path / "c")
    assert (first.status, again.status, alone.status) == (0, 0, 0)
    slogans = {e["row"]: answer(e["path"]) for e in first.named("asset")}
    assert len(set(slogans.values())) == 4
    assert all(len(text.split()) >= 3 for text in slogans.values())
    assert {e["row"]: answer(e["path"]) for e in again.named("asset")} == slogans
    assert answer(alone.named("asset")[0]["path"]) == slogans[2]


def test_an_enlarged_photograph_is_whole_and_carries_its_recipe(
    studio: Studio, tmp_path: Path
) -> None:
    photograph = ROOT / "resources" / "demo" / "cat.png"
    crop = tmp_path / "crop 猫.png"
    Image.open(photograph).convert("RGB").crop((40, 20, 88, 60)).save(crop)
    ran = studio("upscale", crop, "--scale", 2, "--json", "-o", tmp_path / "o")
    assert ran.status == 0
    made = Path(ran.named("asset")[0]["path"])
    with Image.open(made) as large, Image.open(crop) as small:
        assert large.size == (96, 80)
        shrunk = large.convert("RGB").resize(small.size, Image.Resampling.BOX)
        pairs = zip(shrunk.tobytes(), small.tobytes(), strict=True)
        assert sum(abs(a - b) for a, b in pairs) / (48 * 40 * 3) < 6
    recipe = read_recipe(made)
    assert recipe is not None
    assert recipe.model_id == "dat-light-x2"
    assert recipe.parents[0].path == str(crop)


def test_an_engine_killed_in_the_middle_fails_its_job_with_a_sentence(
    command: Callable[..., subprocess.Popen[str]],
) -> None:
    process = command(*SLOGAN, "--max-tokens", 2000, "--seed", 1, "-n", 4)
    assert process.stdout is not None
    lines: list[dict[str, object]] = []
    while not lines or lines[-1]["event"] != "text":
        lines.append(json.loads(process.stdout.readline()))
    engine = [
        child
        for child in psutil.Process(process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(engine) == 1
    os.kill(engine[0].pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    events = [json.loads(line) for line in out.splitlines()]
    failed = [e for e in events if e["event"] == "failed"]
    assert process.returncode == 1
    assert failed[0]["kind"] == "engine_crashed"
    assert "try again" in failed[0]["message"]
    assert events[-1]["event"] == "done"
