"""A hundred requests submitted at once."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from studio.kinds.text import TextRequest
from studio.ui.main_window import MainWindow

TABS = 100


def test_a_hundred_requests_in_one_turn_of_the_window_are_each_answered_once(
    window: MainWindow, qtbot: QtBot
) -> None:
    for tab in range(TABS):
        window.state.submit([TextRequest(prompt=f"tab {tab}", seed=tab)])
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: library.queue.counts() == {"done": TABS}, timeout=60_000)
    made = [asset.prompt for asset in library.assets.recent(limit=1000)]
    assert sorted(made) == sorted(f"tab {tab}" for tab in range(TABS))
