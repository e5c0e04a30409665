"""The Music tab: a description becomes variations, with lyrics where the model sings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.kinds.music import KIND, MusicRequest
from studio.protocol import Capabilities
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

    write_pipeline(default_paths().models / "ace", "AceStepPipeline")
    return window_with_tab(open_window, qtbot)


def test_variations_are_made_listed_and_shown_with_their_waveform(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("a piano")
    tab.run_bar.count.setValue(2)
    tab.controls.seed.set_value(5)
    tab.controls.numbers["seconds"].set_value(2.0)
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=20_000)
    qtbot.waitUntil(lambda: tab.variations.count() == 2, timeout=10_000)
    assert [tab.variations.item(row).text() for row in (0, 1)] == ["Seed 5", "Seed 6"]
    qtbot.waitUntil(lambda: tab.panel.time.text() == "0:00 / 0:02", timeout=10_000)
    assert tab.panel.transcript.isHidden()  # nothing is said in it
    first = tab._shown
    tab.variations.setCurrentRow(1)
    assert tab._shown != first


def test_settings_of_a_result_come_back(tab: Any) -> None:
    request = MusicRequest(
        prompt="a song",
        lyrics="[verse]\nla la",
        language="en",
        negative_prompt="noise",
        seed=7,
        count=3,
        seconds=90.0,
        steps=12,
        guidance_scale=4.5,
        format="opus",
        loudness=-20.0,
    )
    tab.restore(request)
    assert tab.request() == request
    assert tab._values.lyrics == "[verse]\nla la"


def test_a_model_that_does_not_sing_takes_no_lyrics(tab: Any) -> None:
    tab.controls.apply_capabilities(Capabilities(controls=("prompt", "seconds"), seconds=47.0))
    assert not tab.controls.lyrics.isEnabled() and not tab.controls.ignored.isHidden()
    assert tab.controls.numbers["seconds"].spin.specialValueText().startswith("Auto (47")
    tab.controls.apply_capabilities(Capabilities(controls=("prompt", "lyrics"), seconds=60.0))
    assert tab.controls.lyrics.isEnabled() and tab.controls.ignored.isHidden()


def test_without_a_model_the_tab_says_so_and_names_size_and_licence(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    tab = window_with_tab(open_window, qtbot)
    said: list[str] = []
    tab._state.message.connect(lambda text, *_: said.append(text))
    tab.prompt.set_text("a piano")
    tab.generate()
    assert said and said[0].startswith("There is no model for music yet")
    assert "12 GB" in tab._empty._text.text() and "MIT" in tab._empty._text.text()


def test_a_missing_description_is_said(tab: Any) -> None:
    said: list[str] = []
    tab._state.message.connect(lambda text, *_: said.append(text))
    tab.prompt.set_text(" ")
    tab.generate()
    assert said == ["Describe the music or the sound that you want."]
