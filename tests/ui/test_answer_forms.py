"""The Text tab: the form of the answer, presets, and other words for a word of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.alternatives_menu import AlternativesMenu
from studio.ui.workspaces.text.answer_text import AnswerText
from studio.ui.workspaces.text.word_places import place_in_source
from tests.ui.test_text_tab import answered, ask, jobs, request_of

SCHEMA = '{"type": "object", "properties": {"name": {}, "town": {}}}'


@pytest.fixture
def tab(window: MainWindow) -> Any:
    return window.tab("text")


def test_a_schema_is_checked_while_it_is_typed_and_gives_the_answer_its_form(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    form = tab.options.form
    form.kind.setCurrentIndex(1)
    form.schema.setPlainText('{"type": ')
    assert "not valid JSON" in form.note.text()
    ask(tab, "who")
    assert jobs(tab) == [] and "not valid JSON" in window.messages.text()
    form.schema.setPlainText(SCHEMA)
    assert "name, town" in form.note.text()
    form.set_open(False)
    assert "schema" in tab.chips.texts()
    ask(tab, "who")
    (turn,) = answered(tab, qtbot, 1)
    assert turn.answers[0].text.startswith('{"name":"name ')
    assert request_of(jobs(tab)[0]).schema == SCHEMA
    tab.chips.remove("schema")
    assert tab.options.fields()["schema"] == ""


def test_stop_sequences_belong_to_free_text_and_come_back(tab: Any) -> None:
    form = tab.options.form
    form.stop.setPlainText("END\n\nUser:")
    assert tab.options.fields()["stop"] == ("END", "User:")
    form.kind.setCurrentIndex(2)
    form.regex.setPlainText("yes|no")
    fields = tab.options.fields()
    assert (fields["stop"], fields["regex"]) == ((), "yes|no")
    form.show_values(request_with(stop=("a\nb", "c")))
    assert tab.options.fields()["stop"] == ("a\nb", "c")
    assert tab.options.fields()["regex"] == ""
    tab.values_to_settings()
    assert tab._values.stop == ("a\nb", "c")


def test_a_preset_changes_what_auto_stands_for(tab: Any, qtbot: QtBot) -> None:
    controls = tab.controls
    controls.show_model_defaults({"temperature": 0.5})
    controls.preset.setCurrentIndex(controls.preset.findData("creative"))
    assert "0.9" in controls.temperature.spin.text()
    assert tab.chips.texts()["preset"].endswith("creative")
    ask(tab, "a fox")
    answered(tab, qtbot, 1)
    assert request_of(jobs(tab)[0]).preset == "creative"
    controls.reset("preset")
    assert "0.5" in controls.temperature.spin.text()


def request_with(**fields: Any) -> Any:
    from studio.kinds.text import TextRequest

    return TextRequest(prompt="x", **fields)


def click_word(body: AnswerText, word: str, qtbot: QtBot) -> None:
    cursor = body.document().find(word)
    middle = cursor.selectionStart() + len(word) // 2
    cursor.setPosition(middle)
    place = body.cursorRect(cursor).center()
    qtbot.mouseClick(body.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))


@pytest.mark.qt_log_ignore(r"This plugin does not support (raise|grabbing)")
def test_another_word_is_chosen_in_a_finished_answer_and_written_on_from(
    tab: Any, qtbot: QtBot
) -> None:
    tab.controls.seed.set_value(7)
    ask(tab, "a fox")
    (turn,) = answered(tab, qtbot, 1)
    whole = turn.answers[0].text
    card = tab.view.view_of(turn)._single
    qtbot.waitUntil(lambda: card.words.isVisible())
    click_word(card.body, "two", qtbot)
    assert not tab.view.findChildren(AlternativesMenu)
    card.words.setChecked(True)
    click_word(card.body, "two", qtbot)
    menu: Any = tab._choices._menu
    assert isinstance(menu, AlternativesMenu)
    qtbot.waitUntil(lambda: len(menu.actions()) > 3, timeout=20_000)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts[1:] == ["one\t50.0 %", "two\t25.0 %", "(the answer ends)\t12.5 %"]
    menu.hide()
    menu.actions()[2].trigger()
    qtbot.waitUntil(lambda: len(turn.answers) == 2 and bool(turn.answers[1].asset), timeout=20_000)
    start = whole[: whole.index(" two")] + " one"
    assert turn.answers[1].text.startswith(start)
    assert (turn.chosen, turn.answers[0].text) == (1, whole)
    branch = request_of(jobs(tab)[1])
    assert (branch.answer_start, branch.seed, branch.count) == (start, 7, 1)


@pytest.mark.parametrize(
    ("source", "rendered", "start", "place"),
    [
        ("one two one", "one two one", 8, 8),
        ("**one** two", "one two", 4, 8),
        ("# a\n\n- one\n- one", "a\none\none", 6, 13),
        ("狐狸和狗", "狐狸和狗", 2, 2),
        ("only", "only more", 5, None),
    ],
)
def test_a_word_on_screen_is_found_in_the_text(
    source: str, rendered: str, start: int, place: int | None
) -> None:
    length = len(rendered[start:].split()[0])
    assert place_in_source(source, rendered, start, length) == place
