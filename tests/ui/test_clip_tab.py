"""The Clip tab: a prompt becomes a clip, and the next one goes on from its last frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.kinds.clip import KIND, ClipRequest
from studio.protocol import Capabilities, InputFile
from studio.ui.main_window import MainWindow
from tests.unit.model_files import write_pipeline


def window_with_tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.show_task(KIND.task)
    return window.tab(KIND.task)


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    from studio.settings import default_paths

    write_pipeline(default_paths().models / "wan", "WanPipeline")
    return window_with_tab(open_window, qtbot)


def test_clips_are_made_listed_and_continued(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("a boat")
    tab.run_bar.count.setValue(2)
    tab.controls.seed.set_value(5)
    tab.controls.numbers["frames"].set_value(9)
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=20_000)
    qtbot.waitUntil(lambda: tab.variations.count() == 2, timeout=10_000)
    assert [tab.variations.item(row).text() for row in (0, 1)] == ["Seed 5", "Seed 6"]
    qtbot.waitUntil(lambda: not tab.panel.canvas.picture.isNull(), timeout=10_000)
    first = tab._shown.path
    tab.variations.setCurrentRow(1)
    assert tab._shown.path != first
    tab.next_frames.click()
    request = tab.request()
    assert request.input == InputFile(str(tab._shown.path))
    assert request.image is None


def test_settings_of_a_result_come_back(tab: Any, tmp_path: Path) -> None:
    request = ClipRequest(
        prompt="a boat",
        negative_prompt="rain",
        seed=7,
        count=3,
        image=InputFile(str(tmp_path / "first.png")),
        last_image=InputFile(str(tmp_path / "last.png")),
        frames=33,
        fps=24.0,
        width=320,
        height=192,
        steps=12,
        guidance_scale=4.5,
        quality=60,
        encoder="vp9",
    )
    tab.restore(request)
    assert tab.request() == request
    assert tab._values.frames == 33


def test_what_the_model_does_not_use_is_said_beside_it(tab: Any, tmp_path: Path) -> None:
    tab.take([tmp_path / "first.png", tmp_path / "last.png"])
    row = tab.controls.files["last_image"]
    assert row.path() == str(tmp_path / "last.png")
    tab.controls.apply_capabilities(Capabilities(controls=("image",), frames=81, fps=16.0))
    assert not row._note.isHidden()
    assert tab.controls.files["image"]._note.isHidden()
    assert tab.controls.numbers["frames"].spin.specialValueText() == "Auto (81)"
    tab.take([tmp_path / "film.mp4"])
    assert tab.request().input is not None
    assert tab.request().image is None


def test_without_a_model_the_tab_says_so_and_where_to_get_one(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    tab = window_with_tab(open_window, qtbot)
    said: list[str] = []
    tab._state.message.connect(lambda text, *_: said.append(text))
    tab.prompt.set_text("a boat")
    tab.generate()
    assert said and said[0].startswith("There is no model for clips yet")
    assert "27 GB" in tab._empty._text.text()


def test_a_missing_prompt_is_said(tab: Any) -> None:
    said: list[str] = []
    tab._state.message.connect(lambda text, *_: said.append(text))
    tab.prompt.set_text(" ")
    tab.generate()
    assert said == ["Write a prompt, or choose the picture that the clip begins with."]
