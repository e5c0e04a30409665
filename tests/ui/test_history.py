"""The history dock: recent results, thumbnails, the filter, actions on one result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.protocol import InputFile, Request
from studio.ui.gallery.history_model import ASSET_ROLE, PICTURE_ROLE
from studio.ui.gallery.rerun import VARIATIONS
from studio.ui.main_window import MainWindow
from tests.unit.conftest import png_bytes


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


def test_the_details_of_a_result_are_shown_and_its_text_can_be_copied(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot, qapp: Any
) -> None:
    make(window, view, qtbot, TextRequest(prompt="a <b>fox", seed=41))
    view.setCurrentIndex(view.model().index(0))
    detail = find("history.detail").toPlainText()
    assert "a <b>fox" in detail
    assert "41" in detail
    assert ".md" in detail
    view.parent().commands.do("copy")
    assert qapp.clipboard().text().startswith("Answer 41")


def test_the_details_name_the_start_picture_and_all_that_differs(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot, tmp_path: Path
) -> None:
    start = tmp_path / "evening.png"
    start.write_bytes(png_bytes())
    make(
        window,
        view,
        qtbot,
        ImageRequest(prompt="a fox", image=InputFile(str(start)), strength=0.35, scheduler="DDIM"),
        ImageRequest(prompt="a bear"),
    )
    view.setCurrentIndex(view.model().index(1))
    detail = find("history.detail").toPlainText()
    for said in ("evening.png", "0.35", "DDIM"):
        assert said in detail
    view.setCurrentIndex(view.model().index(0))
    assert "Strength" not in find("history.detail").toPlainText()
    assert "Transparent" not in find("history.detail").toPlainText()


def test_the_details_are_those_of_the_selected_result_or_of_none(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", seed=1))
    make(window, view, qtbot, TextRequest(prompt="a bear", seed=2))
    view.setCurrentIndex(view.model().index(0))
    assert "a bear" in find("history.detail").toPlainText()
    find("history.search").setText("fox")
    qtbot.waitUntil(lambda: len(titles(view)) == 1, timeout=10_000)
    assert find("history.detail").toPlainText().startswith("Select a result")
    find("history.search").clear()
    qtbot.waitUntil(lambda: len(titles(view)) == 2, timeout=10_000)
    first, second = view.model().index(0), view.model().index(1)
    view.setCurrentIndex(first)
    flag = view.selectionModel().SelectionFlag
    view.selectionModel().setCurrentIndex(second, flag.Toggle)
    view.selectionModel().setCurrentIndex(second, flag.Toggle)
    assert "a bear" in find("history.detail").toPlainText()
    assert view.parent().commands.current().prompt == "a bear"


def test_the_ages_of_results_are_painted_anew(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", seed=1))
    ages = view.parent().ages
    assert ages.isActive()
    assert ages.interval() <= 60_000
    painted: list[object] = []

    def second_line(index: object) -> str:
        painted.append(index)
        return ""

    view.itemDelegate().second_line = second_line
    view.viewport().repaint()
    painted.clear()
    ages.timeout.emit()
    qtbot.waitUntil(lambda: bool(painted), timeout=10_000)


def test_a_missing_file_is_reported(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox"))
    library = window.state.library
    assert library is not None
    library.assets.recent()[0].path.unlink()
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("open")
    assert "no longer" in window.messages.text()


def test_the_settings_of_a_result_are_used_in_its_tab(
    window: MainWindow, view: Any, qtbot: QtBot
) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", temperature=1.5))
    window.tabs.setCurrentIndex(2)
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("use")
    assert window.current_task == "text"


def test_rows_are_read_when_they_scroll_into_view(
    window: MainWindow, view: Any, qtbot: QtBot
) -> None:
    window.state.submit([TextRequest(prompt="a fox", seed=1, count=150)])
    qtbot.waitUntil(lambda: view.model().rowCount() == 150, timeout=20_000)
    last = view.model().index(149)
    assert last.data(Qt.ItemDataRole.DisplayRole) is None
    view.scrollToBottom()
    qtbot.waitUntil(lambda: last.data(ASSET_ROLE) is not None, timeout=10_000)
    assert last.data(ASSET_ROLE).recipe.seed == 1


def test_selected_rows_out_of_view_are_read_before_an_action(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    window.state.submit([TextRequest(prompt="a fox", seed=1, count=150)])
    qtbot.waitUntil(lambda: view.model().rowCount() == 150, timeout=20_000)
    view.selectAll()
    assert "150" in find("history.detail").toPlainText()
    find("history.delete").click()
    qtbot.waitUntil(lambda: view.model().rowCount() == 0, timeout=20_000)
    qtbot.waitUntil(find("messages.action").isVisible, timeout=10_000)
    find("messages.action").click()
    qtbot.waitUntil(lambda: view.model().rowCount() == 150, timeout=20_000)


def test_a_new_result_keeps_the_selection(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", seed=1))
    view.setCurrentIndex(view.model().index(0))
    make(window, view, qtbot, TextRequest(prompt="a bear", seed=2))
    assert view.selected_rows() == [1]
    assert view.currentIndex().data(ASSET_ROLE).recipe.seed == 1


def test_more_like_this_makes_variations_with_new_seeds(
    window: MainWindow, view: Any, qtbot: QtBot
) -> None:
    make(window, view, qtbot, TextRequest(prompt="a fox", seed=1, temperature=1.5))
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("more_like")
    qtbot.waitUntil(lambda: view.model().rowCount() == 1 + VARIATIONS, timeout=10_000)
    fresh = view.model().assets()[:VARIATIONS]
    assert {asset.recipe.request.temperature for asset in fresh} == {1.5}
    assert 1 not in {asset.recipe.seed for asset in fresh}


def test_reproducing_reports_an_identical_result(
    window: MainWindow, view: Any, qtbot: QtBot
) -> None:
    make(window, view, qtbot, ImageRequest(prompt="a fox", seed=5, width=64, height=64))
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("reproduce")
    qtbot.waitUntil(lambda: "identical" in window.messages.text(), timeout=10_000)
    qtbot.waitUntil(lambda: view.model().rowCount() == 2, timeout=10_000)
    again, before = view.model().assets()
    assert again.recipe.labels == {"reproduces": before.id}


def test_reproducing_reports_a_changed_file(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    make(window, view, qtbot, ImageRequest(prompt="a fox", seed=5, width=64, height=64))
    path = view.model().assets()[0].path
    picture = QPixmap(str(path))
    picture.fill(Qt.GlobalColor.red)
    assert picture.save(str(path))
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("reproduce")
    qtbot.waitUntil(lambda: "differ" in window.messages.text(), timeout=10_000)
