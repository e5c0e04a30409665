"""The Film tab: a script becomes shots, their parts are made once, and the film is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from studio.storyboard.board_files import BoardFiles
from studio.ui.main_window import MainWindow
from tests.unit.model_files import write_voice

SCRIPT = """# My day

| Picture | Voice | Seconds | Camera |
| --- | --- | --- | --- |
| sun | The sun is up. | 1 | zoom in |
| apple | Eat an apple. | | pan |
"""


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    from studio.settings import default_paths

    write_voice(default_paths().models / "kokoro", "af_heart")
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.show_task("film")
    return window.tab("film")


def test_a_script_becomes_a_film_and_nothing_is_made_twice(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    tab.variations.setValue(2)
    tab.take_text(SCRIPT)
    assert tab.title.text() == "My day"
    assert [card.voice.text() for card in tab.shots.cards] == ["The sun is up.", "Eat an apple."]
    box = tab.settings.size_box
    box.setCurrentText("1080 × 1920")
    box.activated.emit(box.currentIndex())
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=30_000)
    library = tab._state.library
    assert library.assets.recent()[0].recipe.request.height == 1920
    assert sorted(asset.task for asset in library.assets.recent()) == (
        ["film"] + 4 * ["image"] + 2 * ["speech"]
    )
    assert tab.panel.isVisible() and tab.export.isEnabled() and tab.pages.text() == "Show shots"
    tab.pages.click()
    card = tab.shots.cards[0]
    qtbot.waitUntil(lambda: card.variation.text() == "1 / 2", timeout=10_000)
    tab.generate()
    qtbot.waitUntil(lambda: not tab.making.is_running, timeout=30_000)
    assert len(library.assets.recent()) == 7
    card.after.click()
    assert card.variation.text() == "2 / 2"
    tab.generate()
    qtbot.waitUntil(lambda: not tab.making.is_running, timeout=30_000)
    assert len(library.assets.recent()) == 8  # another film, of the same pictures and voices
    tab.export_to(tmp_path)
    qtbot.waitUntil(lambda: any(tmp_path.glob("*my-day*-sheet.png")), timeout=10_000)
    board = BoardFiles(library.root).read(tab._id)
    assert board is not None and [shot.chosen for shot in board.shots] == [1, 0]


def test_pictures_become_shots_that_can_be_moved_and_removed(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        Image.new("RGB", (40, 30), "red").save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    tab.take([tmp_path])
    qtbot.waitUntil(lambda: len(tab.shots.cards) == 3, timeout=5_000)
    tab.shots.cards[2].moved.emit(-1)
    tab.shots.cards[0].removed.emit()
    assert [card.picture.text() for card in tab.shots.cards] == ["c", "b"]
    assert tab.shots.cards[0].number.text() == "Shot 1"
    tab._save()
    qtbot.waitUntil(
        lambda: len(BoardFiles(tab._state.library.root).ids()) == 1,
        timeout=5_000,
    )


def test_what_is_no_script_is_said_and_the_storyboard_stays(tab: Any) -> None:
    tab.take_text(SCRIPT)
    tab.take_text("x" * 200_000)
    assert len(tab.shots.shots()) == 2
    tab.take_text("")
    assert tab.title.text() == "My day"


def test_cross_fade_rate_and_sound_are_part_of_the_storyboard_and_come_back(
    tab: Any, tmp_path: Path
) -> None:
    more = tab.settings.more
    more.numbers["fade"].set_value(1.5)
    more.numbers["fps"].set_value(30.0)
    more.sound._take(str(tmp_path / "music.mp3"))
    options = tab.board().film_options
    assert options["sound"] == {"path": str(tmp_path / "music.mp3")}
    assert (options["fade"], options["fps"]) == (1.5, 30.0)
    assert "quality" not in options
    tab.settings.set_options({})
    assert set(tab.board().film_options) == {"width", "height", "format"}
    tab.settings.set_options(options | {"fit": "fill"})
    assert tab.board().film_options == options | {"fit": "fill"}
    tab.settings.set_options({"fade": "long", "sound": 3})
    assert set(tab.board().film_options) == {"width", "height", "format"}
