"""Somebody who opens the app for the first time has an example's result in the library in 6 clicks.

The clicks are those of the pictures in the README, which `packaging/first_time.py` records.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from first_time import LARGEST, STEPS, SUFFIXES, TARGET, FirstTime, Mark
from pytestqt.qtbot import QtBot

from studio.ui.gallery.history_view import HistoryView
from studio.ui.main_window import MainWindow

MOST_CLICKS = 6
ROOT = Path(__file__).parents[2]


def test_from_the_start_to_a_chosen_variation_in_the_library_in_six_clicks(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.resize(1024, 700)
    shown: list[str] = []
    numbers: list[int] = []

    def show(name: str, marks: Sequence[Mark]) -> None:
        shown.append(name)
        numbers.extend(number for number, _ in marks)
        assert all(window.rect().contains(place) for _, place in marks)

    walk = FirstTime(window, lambda until: qtbot.waitUntil(until), show)
    walk.walk()
    assert walk.clicks == MOST_CLICKS and numbers == list(range(1, MOST_CLICKS + 1))
    assert tuple(shown) == STEPS
    library = window.state.library
    assert library is not None
    made = library.assets.recent(10)
    assert len(made) == 2
    assert {asset.prompt for asset in made} == {"a red fox, 3d style"}
    (history,) = window.findChildren(HistoryView)
    qtbot.waitUntil(lambda: history.model.rowCount() == 2)
    assert history.isVisible()


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_shows_every_step_in_its_own_language(readme: str) -> None:
    suffix = SUFFIXES["zh_CN" if "zh" in readme else "en"]
    named = re.findall(r"first-time-(\d)-(\w+)\.webp", (ROOT / readme).read_text("utf-8"))
    assert named == [(str(number), suffix) for number in range(1, len(STEPS) + 1)]
    for number, language in named:
        assert (TARGET / f"first-time-{number}-{language}.webp").stat().st_size <= LARGEST
