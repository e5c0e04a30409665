"""The Describe tab: pictures become texts; the tab is there once a model is, or when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from studio.kinds.describe import KIND, DescribeRequest
from studio.protocol import InputFile
from studio.ui.main_window import MainWindow
from tests.unit.model_files import write_json, write_llama


def window_with_tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.show_task(KIND.task)
    return window.tab(KIND.task)


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    from studio.settings import default_paths

    folder = write_llama(
        default_paths().models / "seer",
        architectures=["LlavaForConditionalGeneration"],
        model_type="llava",
        vision_config={"hidden_size": 8},
    )
    write_json(folder / "processor_config.json", {})
    return window_with_tab(open_window, qtbot)


def pictures(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        Image.new("RGB", (20, 10)).save(path)
    return paths


def test_each_picture_gets_a_text_and_the_first_is_shown(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pictures(folder, "cat.png", "dog.png")
    (folder / "notes.txt").write_text("no picture")
    tab.take([folder])
    qtbot.waitUntil(lambda: len(tab.pictures.paths()) == 2, timeout=10_000)
    tab.prompt.set_text("What is it?")
    tab.seed.set_value(5)
    tab.generate()
    qtbot.waitUntil(lambda: tab.texts.count() == 2, timeout=20_000)
    titles = [tab.texts.item(row).text() for row in (0, 1)]
    assert titles == ["cat.png · Seed 5", "dog.png · Seed 5"]
    assert tab.text.toPlainText() == "Picture cat, seed 5. What is it?"
    tab.texts.setCurrentRow(1)
    assert tab.text.toPlainText() == "Picture dog, seed 5. What is it?"


def test_pictures_are_listed_once_and_can_be_removed(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    first, second = pictures(tmp_path, "a.png", "b.png")
    tab.take([first, second, first])
    qtbot.waitUntil(lambda: tab.pictures.paths() == [first, second], timeout=10_000)
    tab.pictures.view.setCurrentIndex(tab.pictures._model.index(0, 0))
    tab.pictures.view.remove_requested.emit()
    assert tab.pictures.paths() == [second]
    tab.pictures.clear()
    assert tab.requests() == []


def test_settings_of_a_result_come_back(tab: Any, tmp_path: Path) -> None:
    request = DescribeRequest(
        input=InputFile(str(tmp_path / "a.png")),
        prompt="Alt text, please",
        seed=7,
        count=3,
        max_tokens=64,
        temperature=0.5,
    )
    tab.restore(request)
    assert tab.requests() == [request]


def test_without_a_model_or_a_picture_that_is_said(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    tab = window_with_tab(open_window, qtbot)
    said: list[str] = []
    tab._state.message.connect(lambda text, *_: said.append(text))
    tab.generate()
    assert said and said[0].startswith("There is no model yet that sees pictures")


def test_a_missing_picture_is_said(tab: Any) -> None:
    said: list[str] = []
    tab._state.message.connect(lambda text, *_: said.append(text))
    tab.generate()
    assert said == ["Add a picture first."]
