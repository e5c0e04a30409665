"""Comparing pictures: synchronised views, and captions that show differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.ui.compare.compare_dialog import CompareDialog
from studio.ui.compare.relative_view import RelativeView
from studio.ui.main_window import MainWindow
from studio.ui.media.picture.viewport import Viewport


def compared() -> CompareDialog:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, CompareDialog)]
    assert len(found) == 1
    return found[0]


def focus(view: Any, qtbot: QtBot) -> None:
    view.window().activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)


@pytest.fixture
def opened(
    window: MainWindow, find: Callable[[str], Any], qtbot: QtBot
) -> Callable[..., CompareDialog]:
    """Make pictures, select them all in History, press C."""

    def open_it(*requests: ImageRequest) -> CompareDialog:
        view = find("history.view")
        window.state.submit(requests)
        qtbot.waitUntil(lambda: view.model().rowCount() == len(requests), timeout=10_000)
        focus(view, qtbot)
        view.selectAll()
        qtbot.keyClick(view, Qt.Key.Key_C)
        dialog = compared()
        qtbot.waitUntil(
            lambda: all(pane.viewport.picture != (0, 0) for pane in dialog.canvases),
            timeout=10_000,
        )
        return dialog

    return open_it


def test_a_shared_view_shows_the_same_part_of_pictures_of_different_sizes() -> None:
    small = Viewport((100, 100), (200, 200)).fit().zoomed(4, 50, 50)
    large = RelativeView.of(small).applied_to(Viewport((400, 400), (200, 200)).fit())
    assert large.target() == pytest.approx(small.target())
    assert RelativeView.of(small.fit()).applied_to(large).fitted


def test_zooming_and_panning_one_picture_moves_the_others(
    opened: Callable[..., CompareDialog], qtbot: QtBot
) -> None:
    dialog = opened(
        ImageRequest(prompt="a fox", seed=1, width=64, height=64),
        ImageRequest(prompt="a fox", seed=2, width=128, height=128),
    )
    first, second = dialog.canvases
    qtbot.keyClick(first, Qt.Key.Key_Plus)
    qtbot.keyClick(first, Qt.Key.Key_Plus)
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert not first.viewport.fitted
    assert second.viewport.target() == pytest.approx(first.viewport.target())
    qtbot.keyClick(second, Qt.Key.Key_0)
    assert first.viewport.fitted


def test_captions_show_only_differences(opened: Callable[..., CompareDialog]) -> None:
    dialog = opened(
        ImageRequest(prompt="a fox", seed=11, steps=4, width=64, height=64),
        ImageRequest(prompt="a fox", seed=22, steps=8, width=64, height=64),
        ImageRequest(prompt="a fox", seed=33, steps=8, width=64, height=64),
    )
    newest = dialog.captions[0].text()
    assert "33" in newest
    assert "Steps" in newest
    assert "fox" not in newest
    assert "Size" not in newest


def test_a_text_and_one_picture_cannot_be_compared(
    window: MainWindow, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    view = find("history.view")
    window.state.submit([TextRequest(prompt="a fox"), ImageRequest(prompt="a fox")])
    qtbot.waitUntil(lambda: view.model().rowCount() == 2, timeout=10_000)
    focus(view, qtbot)
    view.selectAll()
    qtbot.keyClick(view, Qt.Key.Key_C)
    assert "two to four" in window.messages.text()
    assert not [w for w in QApplication.topLevelWidgets() if isinstance(w, CompareDialog)]
