"""The history dock: recent results, thumbnails, the filter, and what can be done with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from studio.protocol import ImageRequest, Request, TextRequest
from studio.ui.history.history_model import PICTURE_ROLE
from studio.ui.main_window import MainWindow


@pytest.fixture
def view(find: Callable[[str], Any]) -> Any:
    return find("history.view")


def make(window: MainWindow, view: Any, qtbot: QtBot, *requests: Request) -> None:
    before = view.model().rowCount()
    window.state.submit(requests)
    qtbot.waitUntil(lambda: view.model().rowCount() == before + len(requests), timeout=10_000)


def titles(view: Any) -> list[str]:
    return [
        view.model().index(row).data(Qt.ItemDataRole.DisplayRole)
        for row in range(view.model().rowCount())
    ]


def test_the_newest_result_comes_first(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", seed=1))
    make(window, view, qtbot, TextRequest(prompt="a bear", seed=2))
    assert [title.split()[1] for title in titles(view)] == ["2", "1"]


def test_a_picture_shows_its_thumbnail(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, ImageRequest(prompt="a fox", width=256, height=128))
    qtbot.waitUntil(
        lambda: isinstance(view.model().index(0).data(PICTURE_ROLE), QPixmap), timeout=10_000
    )
    pixmap = view.model().index(0).data(PICTURE_ROLE)
    assert (pixmap.width(), pixmap.height()) == (96, 48)


def test_the_filter_finds_words_of_the_prompt(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", seed=1))
    make(window, view, qtbot, TextRequest(prompt="一只狐狸", seed=2))
    find("history.search").setText("狐狸")
    qtbot.waitUntil(lambda: len(titles(view)) == 1, timeout=10_000)
    assert "2" in titles(view)[0]
    find("history.search").clear()
    qtbot.waitUntil(lambda: len(titles(view)) == 2, timeout=10_000)


def test_a_result_says_how_it_was_made_and_can_be_copied(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot, qapp: Any
) -> None:
    make(window, view, qtbot, TextRequest(prompt="a <b>fox", seed=41))
    view.setCurrentIndex(view.model().index(0))
    detail = find("history.detail").toPlainText()
    assert "a <b>fox" in detail
    assert "41" in detail
    assert ".md" in detail
    view.parent().copy()
    assert qapp.clipboard().text().startswith("Answer 41")


def test_a_file_that_is_gone_is_said(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox"))
    library = window.state.library
    assert library is not None
    library.recent()[0].path.unlink()
    view.setCurrentIndex(view.model().index(0))
    view.parent().open()
    assert "no longer" in window.messages.text()


def test_enter_opens_a_result_in_its_tab(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", temperature=1.5))
    window.tabs.setCurrentIndex(2)
    view.activated.emit(view.model().index(0))
    assert window.current_task == "text"
