"""The Icons tab: icons appear in a grid, change their look, are copied, saved and drawn on from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from studio.formats.icons.drawing import Look, read_document
from studio.kinds.icon import IconRequest
from studio.library.recipes.metadata import read_recipe
from studio.settings import default_paths
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.icon.icon_files import Form, write_files
from tests.unit.model_files import write_icons


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    write_icons(default_paths().models / "icons")
    window = open_window()
    qtbot.waitUntil(lambda: "Icons" in titles(window))
    return window.tabs.show_task("icon")


def titles(window: MainWindow) -> list[str]:
    return [window.tabs.tabText(place) for place in range(window.tabs.count())]


def draw(tab: Any, qtbot: QtBot, count: int) -> None:
    tab.run_bar.count.setValue(count)
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished" and not tab._reading)


def messages(tab: Any) -> list[str]:
    return [message.text for message in tab.window().messages.messages]


def is_said(tab: Any, *parts: str) -> bool:
    """Whether the last message has all of these texts."""
    return any(all(part in text for part in parts) for text in messages(tab)[-1:])


def test_the_tab_is_there_with_a_model_or_when_it_is_asked_for_and_says_what_is_missing(
    open_window: Callable[[], MainWindow],
) -> None:
    window = open_window()
    assert titles(window)[-1] == "Library"
    (action,) = [each for each in window._actions if each.name == "tab.icon"]
    assert action.text == "Icons"
    action.run()
    assert titles(window)[-2:] == ["Library", "Icons"] and window.current_task == "icon"
    tab: Any = window.tab("icon")
    assert tab._empty._title.text() == "No icon model yet"
    tab.generate()
    assert "There is no model that draws icons yet" in messages(tab)[-1]
    window.tabs.show_page()
    assert window.library_place.is_page and window.current_task == "icon"


def test_icons_appear_in_a_grid_and_change_their_look_without_being_drawn_again(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    tab.prompt.set_text("house with a heart")
    tab.controls.seed.set_value(3)
    draw(tab, qtbot, 3)
    finished = tab.icons.finished()
    assert [each.seed for each in finished] == [3, 4, 5]
    before = finished[0].drawing
    assert before is not None and before.look == Look(2.0, True, "currentColor")
    look = tab.controls.look
    look.width_field.set_value(1.25)
    look.set_colour("#1A7F37")
    look.padding.set_value(2)
    look.ends.setCurrentIndex(2)
    look.size_field.set_value(48)
    tab.grid.grab()
    changed = look.chosen().apply(before)
    assert changed.look == Look(1.25, False, "#1a7f37", 2.0) and changed.icon == before.icon

    tab.grid.setCurrentIndex(tab.icons.index(1))
    tab.actions_bar.copy("svg")
    qtbot.waitUntil(partial(is_said, tab, "The icon was copied."))
    copied = read_document(QGuiApplication.clipboard().text())
    assert copied is not None and copied[0] == look.chosen().apply(finished[1].drawing)
    tab.actions_bar.copy("jsx")
    qtbot.waitUntil(lambda: "strokeWidth" in QGuiApplication.clipboard().text())
    tab.grid.selectionModel().select(tab.icons.index(2), QItemSelectionModel.SelectionFlag.Select)
    assert tab.actions_bar.chosen.text() == "2 selected"
    tab.actions_bar.save("svg", tmp_path / "gone")
    qtbot.waitUntil(partial(is_said, tab, "gone"))
    tab.actions_bar.save("svg", tmp_path)
    qtbot.waitUntil(lambda: "2 files were saved." in messages(tab))
    saved = sorted(tmp_path.glob("*.svg"))
    assert len(saved) == 2
    assert read_recipe(saved[0]) is not None
    read = read_document(saved[0].read_text("utf-8"))
    assert read is not None and read[0].look == changed.look

    tab.grid.clearSelection()
    tab.grid.setCurrentIndex(tab.icons.index(0))
    tab.grid.selectionModel().select(
        tab.icons.index(0), QItemSelectionModel.SelectionFlag.ClearAndSelect
    )
    tab.more_like_this()
    assert not tab.controls.begin.isHidden()
    assert before.data.startswith(tab.request().begin) and tab.request().seed is None
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished" and not tab._reading)
    assert tab._state.library.queue.list()[0].request.begin
    tab.controls._drop_begin()
    assert not tab.request().begin and tab.controls.begin.isHidden()


def test_a_file_that_is_dropped_restores_its_recipe_and_any_other_is_not_opened(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    tab.prompt.set_text("cat")
    tab.controls.look.set_colour("#cc0000")
    draw(tab, qtbot, 1)
    (svg,) = write_files(tab._chosen_files()(), tmp_path, "svg", 24)
    (sprite,) = write_files(tab._chosen_files()(), tmp_path, "sprite", 24)
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>'
    for name, content in (
        ("script.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>'),
        ("bomb.svg", bomb.encode()),
        ("bytes.svg", bytes(range(256))),
        ("large.svg", b"<svg xmlns=" + b" " * 10_000_000),
        ("notes.txt", b"cat"),
    ):
        (tmp_path / name).write_bytes(content)
    tab.prompt.set_text("")
    for name, said in (
        ("script.svg", "was not written by Prompt Studio"),
        ("bomb.svg", "was not written by Prompt Studio"),
        ("bytes.svg", "was not written by Prompt Studio"),
        (sprite.name, "was not written by Prompt Studio"),
        ("large.svg", "is too large"),
        ("notes.txt", "no icon with its recipe"),
        ("gone.svg", "is not a file"),
    ):
        tab.open_settings(tmp_path / name)
        qtbot.waitUntil(partial(is_said, tab, name, said))
        assert not tab.prompt.text()
    tab.controls.look.set_colour("currentColor")
    tab.open_settings(svg)
    qtbot.waitUntil(lambda: tab.prompt.text() == "cat")
    assert tab.request().colour == "#cc0000"


def test_a_request_is_shown_again_and_an_empty_prompt_draws_anything(
    tab: Any, qtbot: QtBot
) -> None:
    request = IconRequest(
        prompt="", corners="sharp", weight="thin", family="lucide", temperature=1.1,
        guidance_scale=2.0, seed=9, count=2, begin="M3 4L9 4", stroke_width=1.5, colour="#112233",
    )  # fmt: skip
    tab.restore(request.with_values(colour='"/><script>'))
    assert tab.request().colour == "currentColor"
    tab.restore(request)
    assert tab.request() == request
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished" and not tab._reading)
    assert len(tab.icons.finished()) == 2


def test_files_are_never_written_over(tmp_path: Path, tab: Any, qtbot: QtBot) -> None:
    draw(tab, qtbot, 1)
    files = tab._chosen_files()()
    forms: dict[Form, int] = {"png": 8, "ico": 1, "icns": 1, "sprite": 1, "font": 3}
    for form, count in forms.items():
        once = write_files(files, tmp_path, form, 24)
        again = write_files(files, tmp_path, form, 24)
        assert len(once) == len(again) == count and not {*once} & {*again}
    png = next(tmp_path.glob("*-64.png"))
    assert read_recipe(png) is not None
