"""The real starter models behind the real command line: prompt in, file out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from demo import starter_model
from studio.library.recipes.metadata import read_recipe
from tests.e2e.conftest import ROOT, CommandResult

Studio = Callable[..., CommandResult]
SLOGAN = ("text", "-p", "Write a slogan for a bicycle repair shop", "--json")


def answer(path: str) -> str:
    return Path(path).read_text("utf-8").split("\n---\n", 1)[1].strip()


def test_four_slogans_are_reproducible_and_row_2_has_seed_9(studio: Studio, tmp_path: Path) -> None:
    short = (*SLOGAN, "--max-tokens", 24)
    first = studio(*short, "-n", 4, "--seed", 7, "-o", tmp_path / "a")
    again = studio(*short, "-n", 4, "--seed", 7, "-o", tmp_path / "b")
    alone = studio(*short, "-n", 1, "--seed", 9, "-o", tmp_path / "c")
    assert (first.status, again.status, alone.status) == (0, 0, 0)
    slogans = {e["row"]: answer(e["path"]) for e in first.named("asset")}
    assert len(set(slogans.values())) == 4
    assert all(len(text.split()) >= 3 for text in slogans.values())
    assert {e["row"]: answer(e["path"]) for e in again.named("asset")} == slogans
    assert answer(alone.named("asset")[0]["path"]) == slogans[2]


def drawn(studio: Studio, out: Path, prompt: str, count: int = 1) -> np.ndarray:
    """Generate pictures; return them as an array (count, 128, 128, 3) of values 0 to 255."""
    ran = studio("image", "-p", prompt, "-n", count, "--seed", 1, "--json", "-o", out)
    assert ran.status == 0
    warned = {event["kind"] for event in ran.named("warning")}
    # On a slow machine the engine may not respond for a while.
    assert warned - {"not_responding"} == ({"alike"} if count > 1 else set())
    paths = [event["path"] for event in ran.named("asset")]
    return np.stack([np.asarray(Image.open(path)).astype(float) for path in paths])


def test_the_demonstration_finds_the_starter_image_model(environment: dict[str, str]) -> None:
    assert starter_model(environment, "image") == "starter-icons"


def test_english_chinese_and_emoji_prompts_give_the_same_icon(
    studio: Studio, tmp_path: Path
) -> None:
    cats = drawn(studio, tmp_path / "cats", "a smiling cat, 3d style", 4)
    chinese = drawn(studio, tmp_path / "猫", "微笑的猫，3d风格", 4)
    apple = drawn(studio, tmp_path / "apple", "a red apple, 3d style")
    emoji = drawn(studio, tmp_path / "emoji", "🍎")

    assert cats.shape == (4, 128, 128, 3)
    assert np.abs(cats - chinese).mean() < 3
    assert np.abs(apple - emoji).mean() < 3
    assert np.abs(cats - apple).mean() > 20
    # A yellow face with two ears: the colours of this one icon, on white.
    red, green, blue = cats[0, 64, 64]
    assert red > 200 and green > 120 and blue < 120
    assert cats[:, :2, :2].min() > 245


def test_an_upscaled_photograph_is_faithful_and_has_its_recipe(
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


def test_a_killed_engine_fails_its_job_with_a_sentence(
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
