"""What another program puts into a watched folder is listed without a click, once it is whole."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from studio.models.registry import Registry
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.models import folder_watch
from studio.ui.models.folder_watch import folder_watch_of
from tests.unit.model_files import write_llama, write_safetensors

LORA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"


def names(window: MainWindow) -> list[str]:
    return [model.name for model in window.state.all_models]


def watches(window: MainWindow, folder: Path) -> bool:
    return str(folder) in folder_watch_of(window.state)._watcher.directories()


def test_a_model_that_appears_is_listed(
    window: MainWindow, home: Paths, tmp_path: Path, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: watches(window, home.models), timeout=10_000)
    write_llama(tmp_path / "fox").rename(home.models / "fox")
    qtbot.waitUntil(lambda: "fox" in names(window), timeout=10_000)
    shutil.rmtree(home.models / "fox")
    qtbot.waitUntil(lambda: "fox" not in names(window), timeout=10_000)


def test_folders_of_other_programs_are_watched_too(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    other = tmp_path / "other"
    write_safetensors(other / "loras" / "ink.safetensors", {LORA: (4, 768)})
    window.state.change_models(lambda registry: registry.add_folder(other))
    qtbot.waitUntil(lambda: watches(window, other / "loras"), timeout=10_000)
    write_safetensors(other / "loras" / "night.safetensors", {LORA: (4, 768)})
    qtbot.waitUntil(lambda: "night" in names(window), timeout=10_000)


def test_a_file_being_written_is_listed_only_when_it_is_whole(
    window: MainWindow, home: Paths, tmp_path: Path, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: watches(window, home.models), timeout=10_000)
    whole = write_safetensors(tmp_path / "ink.safetensors", {LORA: (4, 768)}).read_bytes()
    registry = window.state.open_registry()
    with (home.models / "ink.safetensors").open("wb") as file:
        file.write(whole[:-100])
        file.flush()
        qtbot.waitUntil(lambda: bool(registry.listing().unfinished), timeout=10_000)
        assert "ink" not in names(window)
        assert not window.state.model_problems()
        file.write(whole[-100:])
    qtbot.waitUntil(lambda: "ink" in names(window), timeout=10_000)


def test_where_folders_are_too_many_they_are_looked_at_now_and_then(
    window: MainWindow, home: Paths, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_watch, "MOST_WATCHED", 0)
    watch = folder_watch_of(window.state)
    watch._poll.setInterval(50)
    window.state.refresh_models()
    qtbot.waitUntil(watch._poll.isActive, timeout=10_000)
    assert not watch._watcher.directories()
    write_llama(home.models / "fox")
    qtbot.waitUntil(lambda: "fox" in names(window), timeout=10_000)


def test_a_file_that_stays_damaged_is_said_to_be(home: Paths) -> None:
    registry = Registry(home, waits_for_writers=True)
    file = write_safetensors(home.models / "ink.safetensors", {LORA: (4, 768)}, cut=100)
    assert registry.listing().unfinished == (str(file),)
    assert not registry.listing().problems
    before = time.time() - 60
    os.utime(file, (before, before))
    assert "ink" in registry.listing().problems
    assert not registry.listing().unfinished


def test_a_file_whose_space_is_only_reserved_is_not_listed(home: Paths) -> None:
    """Windows reserves the whole size before it copies a file."""
    registry = Registry(home, waits_for_writers=True)
    size = 512 * 768 * 4
    file = write_safetensors(home.models / "ink.safetensors", {LORA: (512, 768)})
    content = file.read_bytes()
    file.write_bytes(content[:-size] + bytes(size))
    assert registry.listing().unfinished == (str(file),)
    file.write_bytes(content[:-size] + b"\1" * size)
    assert "ink" in [model.name for model in registry.listing().models]
