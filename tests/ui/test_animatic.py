"""The shots of a storyboard are played in the window before there is a film."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from studio.storyboard.animatic import drawer_of
from studio.ui.main_window import MainWindow
from tests.unit.model_files import write_voice

SCRIPT = """# My day

| Picture | Voice | Seconds | Camera |
| --- | --- | --- | --- |
| sun | The sun is up. | 1 | zoom in |
| apple | Eat an apple. | 1 | pan |
"""


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    from studio.settings import default_paths

    write_voice(default_paths().models / "kokoro", "af_heart")
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.show_task("film")
    found: Any = window.tab("film")
    found.settings.set_options({"width": 192, "height": 108})
    found.take_text(SCRIPT)
    return found


def pixels(image: QImage) -> Any:
    shape = (image.height(), image.bytesPerLine())
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(shape)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


def shows(tab: Any, seconds: float) -> bool:
    """Return whether the frame of the film at a time is in the view."""
    player, view = tab.played.player, tab.played.view
    animatic = player.animatic
    if animatic is None or view.image.isNull():
        return False
    wanted = drawer_of(animatic, 960).draw(int(seconds * animatic.timeline.rate))
    return np.array_equal(pixels(view.image), wanted)


def play(tab: Any, qtbot: QtBot) -> Any:
    tab.page.findChild(object, "film.play_shots").click()
    player = tab.played.player
    qtbot.waitUntil(lambda: player.is_playing and player.seconds > 0, timeout=10_000)
    return player


def test_shots_are_played_before_anything_is_made(tab: Any, qtbot: QtBot) -> None:
    player = play(tab, qtbot)
    assert tab.played.isVisible() and tab.pages.text() == "Show shots"
    tab.played.play.click()
    assert not player.is_playing
    tab.played.place.setValue(round(0.5 * 25))
    qtbot.waitUntil(lambda: shows(tab, 0.5), timeout=10_000)
    assert tab.played.view.title == "The sun is up."
    tab.played.place.setValue(round(1.52 * 25))
    qtbot.waitUntil(lambda: shows(tab, 1.52), timeout=10_000)
    assert tab.played.view.title == "Eat an apple."
    tab.played.play.click()
    qtbot.waitUntil(lambda: not player.is_playing, timeout=10_000)
    assert player.seconds == player.animatic.seconds == 2.0
    qtbot.waitUntil(lambda: shows(tab, 1.999), timeout=10_000)
    play_again = tab.played.play
    play_again.click()
    assert player.is_playing and player.seconds < 2.0
    tab.pages.click()
    assert tab.shots.isVisible() and not player.is_playing


def test_pictures_and_voices_that_are_there_are_played_and_drawn_on_other_threads(
    tab: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.composition.frames import FrameDrawer

    threads: set[int] = set()
    draw = FrameDrawer.draw

    def noted(self: FrameDrawer, number: int) -> Any:
        threads.add(threading.get_ident())
        return draw(self, number)

    tab._make_parts()
    qtbot.waitUntil(lambda: not tab.making.is_running, timeout=30_000)
    monkeypatch.setattr(FrameDrawer, "draw", noted)
    player = play(tab, qtbot)
    assert len(player.animatic.voices) == 2 and None not in player.animatic.pictures
    qtbot.waitUntil(lambda: bool(threads), timeout=10_000)
    player.stop()
    assert threading.get_ident() not in threads


def test_a_storyboard_that_is_replaced_is_no_longer_played(tab: Any, qtbot: QtBot) -> None:
    player = play(tab, qtbot)
    tab.take_text("| Picture |\n| --- |\n| bicycle |\n")
    assert not player.is_playing and tab.shots.isVisible()
