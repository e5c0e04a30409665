"""The editor beside the conversation: asks, proposals, undo, versions, and what survives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from studio.kinds.requests import prompt_of
from studio.settings import Paths
from studio.ui.batch.batch_dialog import BatchDialog
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.editor.text_editor import python_place, qt_place
from studio.writing.editing.proposal import Proposal
from studio.writing.editing.word_diff import changes_between
from tests.e2e.test_write_form import NOTE

TEXT = "The quick fox 🦊 jumps over the dog.\n\n狐狸在雪地里跑得很快。"


@pytest.fixture
def tab(window: MainWindow, qtbot: QtBot) -> Any:
    """The Text tab with an answer in the editor."""
    found: Any = window.tab("text")
    found.prompt.set_text("a fox")
    found.generate()
    open_editor(found, qtbot)
    return found


def open_editor(tab: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: bool(tab.chat.conversation.turns))
    turn = tab.chat.conversation.turns[-1]
    qtbot.waitUntil(lambda: bool(turn.answers[-1].asset) and not tab.chat._pending)
    tab.view.view_of(turn).refresh()
    tab.view.view_of(turn)._single.edit.click()
    qtbot.waitUntil(lambda: tab.editing.document is not None)


def type_text(tab: Any, text: str = TEXT) -> Any:
    editor = tab.editing.panel.editor
    editor.selectAll()
    editor.insertPlainText(text)
    return editor


def propose(tab: Any, proposed: str) -> Any:
    """Give a proposal for the whole text, as if a model had written it."""
    asking = tab.editing._asking
    text = tab.editing.panel.editor.text()
    proposal = Proposal(text, changes_between(text, proposed))
    asking._before, asking._passage, asking._after = "", text, ""
    asking._proposal, asking._known, asking._asset = proposal, {text: proposal}, ""
    tab.editing.panel.proposal.show()
    tab.editing.panel.proposal.show_proposal(proposal)
    return tab.editing.panel.proposal


def test_parts_of_a_proposal_are_accepted_and_undone_one_by_one(tab: Any, qtbot: QtBot) -> None:
    editor = type_text(tab)
    new = TEXT.replace("quick", "slow").replace("dog", "cat").replace("雪", "沙")
    view = propose(tab, new)
    view.accept.click()
    assert editor.text() == TEXT.replace("quick", "slow")
    view.reject.click()
    assert editor.text() == TEXT.replace("quick", "slow")
    editor.undo()
    assert editor.text() == TEXT and view.isVisible()
    editor.redo()
    assert editor.text() == TEXT.replace("quick", "slow")
    # Typing outside of the passage does not disturb it, typing in it ends the proposal.
    view.accept_all.click()
    assert "沙" in editor.text() and "slow" in editor.text()
    assert not view.isVisible()
    view = propose(tab, editor.text().replace("slow", "red"))
    editor.textCursor().insertText("!")
    cursor = editor.textCursor()
    cursor.setPosition(2)
    cursor.insertText("?")
    assert not view.accept.isVisible()
    assert tab.editing._asking._proposal is None
    assert qtbot


def test_the_model_is_asked_about_the_selection_only(tab: Any, qtbot: QtBot) -> None:
    editor = type_text(tab)
    editor.select(4, 9)
    tab.editing.panel.asks.buttons["shorten"].click()
    asking = tab.editing._asking
    qtbot.waitUntil(lambda: asking._proposal is not None)
    assert (asking._before, asking._passage) == ("The ", "quick")
    tab.editing.panel.proposal.accept_all.click()
    assert editor.text().startswith("The Answer") and editor.text().endswith("跑得很快。")
    editor.undo()
    assert editor.text() == TEXT
    assert [edit.asset != "" for edit in tab.editing.document.edits] == [True]


def test_a_version_is_saved_beside_the_result_and_the_conversation_goes_on_with_it(
    tab: Any, qtbot: QtBot
) -> None:
    type_text(tab)
    tab.editing.panel.save.click()
    qtbot.waitUntil(lambda: tab.editing.document.is_saved)
    answers = tab.chat.conversation.turns[0].answers
    assert [answer.text == TEXT for answer in answers] == [False, True]
    assert tab.chat.messages()[-1].content == TEXT
    library = tab._state.library
    assert library.assets.get(answers[0].asset).text != TEXT
    assert library.assets.get(answers[1].asset).text == TEXT
    assert not tab.editing.panel.save.isEnabled()


def test_what_was_typed_is_there_again_in_the_next_window(
    open_window: Callable[[], MainWindow], qtbot: QtBot, home: Paths
) -> None:
    window = open_window()
    tab: Any = window.tab("text")
    tab.prompt.set_text("a fox")
    tab.generate()
    open_editor(tab, qtbot)
    type_text(tab, "typed\nand kept")
    # It is written while the window is open, too: a killed app has no last moment.
    qtbot.waitUntil(lambda: any((home.library / "documents").glob("edit-*.json")))
    type_text(tab, "typed\nand kept 2")
    window.close()
    again: Any = open_window().tab("text")
    qtbot.waitUntil(lambda: again.editing.document is not None)
    assert again.editing.panel.editor.text() == "typed\nand kept 2"


def test_findings_of_the_form_are_marked_while_typing(
    home: Paths, window: MainWindow, qtbot: QtBot
) -> None:
    file = home.library / "templates" / "note.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(NOTE, "utf-8")
    tab: Any = window.tab("text")
    dialog = tab.forms.open("note")
    qtbot.waitUntil(lambda: dialog.page is not None)
    dialog.page.fields.controls["who"].setText("Bo")
    dialog.page.fields.controls["avoid"].setPlainText("three")
    dialog.page.run.click()
    open_editor(tab, qtbot)
    panel = tab.editing.panel
    editor = type_text(tab, "One three and 17 birds.")
    qtbot.waitUntil(lambda: len(editor._places) > 0)
    marked = {place.selectedText() for place in editor._places}
    assert "three" in marked
    panel.next.click()
    assert panel.found.text()
    type_text(tab, "One.")
    qtbot.waitUntil(lambda: not editor._places)


def test_matches_are_counted_stepped_through_and_replaced_as_one_step(
    tab: Any, qtbot: QtBot
) -> None:
    editor = type_text(tab, "fox Fox 狐狸 fox")
    panel = tab.editing.panel
    qtbot.mouseClick(panel.search, Qt.MouseButton.LeftButton)
    panel.finder.words.setText("fox")
    qtbot.waitUntil(lambda: panel.finder.count.text() != "")
    panel.finder.case.setChecked(True)
    panel.finder.step(1)
    assert editor.textCursor().selectedText() == "fox"
    panel.finder.replacement.setText("cat")
    panel.finder.every.click()
    assert editor.text() == "cat Fox 狐狸 cat"
    editor.undo()
    assert editor.text() == "fox Fox 狐狸 fox"


def test_places_of_qt_and_python_are_those_of_the_same_character() -> None:
    text = "a🦊b狐🦊c"
    for place in range(len(text) + 1):
        assert python_place(text, qt_place(text, place)) == place


def test_the_shots_of_a_table_become_requests_for_pictures(tab: Any, qtbot: QtBot) -> None:
    panel = tab.editing.panel
    assert not panel.pictures.isVisible()
    type_text(tab, "| 画面 | 秒数 |\n| --- | --- |\n| 山上的狐狸 | 3 |\n| =雪 | 2 |\n")
    qtbot.waitUntil(panel.pictures.isVisible)
    panel.pictures.click()
    qtbot.waitUntil(lambda: tab.window().findChild(BatchDialog) is not None)
    dialog = tab.window().findChild(BatchDialog)
    qtbot.waitUntil(dialog.start.isEnabled)
    prompts = [prompt_of(request) for request in dialog._plans[0].requests]
    assert prompts == ["山上的狐狸", "=雪"]
