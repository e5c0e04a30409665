"""The real window with the real engine: a typed prompt, a killed engine, a killed app."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from studio.kinds.text import TextRequest
from studio.library.recipes.metadata import read_recipe, read_text

Open = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def open_app(open_window: Open) -> Open:
    return partial(open_window, "window_script.py")


def next_with(process: subprocess.Popen[str], name: str) -> dict[str, object]:
    """Return the next line that has a field of this name."""
    assert process.stdout is not None
    for line in process.stdout:
        found: dict[str, object] = json.loads(line)
        if name in found:
            return found
    raise AssertionError(f"the app ended without {name}")


def test_a_typed_prompt_becomes_a_file_with_its_recipe(open_app: Open) -> None:
    process = open_app("Say one word")
    found = next_with(process, "path")
    path = Path(str(found["path"]))
    recipe = read_recipe(path)
    assert recipe is not None and isinstance(recipe.request, TextRequest)
    assert recipe.request.prompt == "Say one word"
    assert recipe.model_id == "smollm2-135m-instruct"
    assert len(recipe.model_sha256) == 64
    assert read_text(path).strip()
    assert process.wait(timeout=60) == 0


def test_a_killed_engine_fails_one_job_and_the_next_one_runs(open_app: Open) -> None:
    process = open_app("Tell a long story about the sea", "Say one word")
    os.kill(int(str(next_with(process, "engine")["engine"])), signal.SIGKILL)
    assert "memory" in str(next_with(process, "failed")["failed"])
    assert Path(str(next_with(process, "path")["path"])).is_file()
    assert process.wait(timeout=60) == 0


def test_no_process_is_left_when_the_app_is_killed(open_app: Open) -> None:
    process = open_app("Tell a long story about the sea")
    next_with(process, "engine")
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert [c for c in alive if c.status() != psutil.STATUS_ZOMBIE] == []
