"""Forms in the Text tab: chosen, filled in, run; what their checks find is marked in the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTextBrowser,
)
from pytestqt.qtbot import QtBot

from studio.jobs.forms.form_request import FORM
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.shell.window.palette_entries import button_entries
from studio.ui.style.theme import apply_scheme
from studio.ui.workspaces.text.answer_card import AnswerCard
from studio.ui.workspaces.text.forms.form_dialog import FormDialog
from studio.ui.workspaces.text.word_places import rendered_place
from tests.e2e.test_write_form import NOTE


@pytest.fixture
def library(home: Paths) -> Path:
    """A library with a form, a brand, and a form that is broken."""
    for name, text in (
        ("templates/note.toml", NOTE),
        ("templates/broken.toml", "title = \n"),
        ("brands/acme.toml", 'name = "Acme"\navoid = ["four"]\n'),
    ):
        file = home.library / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return home.library


@pytest.fixture
def tab(library: Path, window: MainWindow) -> Iterator[Any]:
    assert library
    yield window.tab("text")


def opened(tab: Any, qtbot: QtBot) -> FormDialog:
    tab.forms_button.click()
    dialog = tab.window().findChild(FormDialog)
    assert isinstance(dialog, FormDialog)
    qtbot.waitUntil(lambda: dialog.cards.purposes.count() > 0)
    return dialog


def card(dialog: FormDialog, form: str) -> QPushButton | None:
    found = dialog.findChild(QPushButton, f"forms.card.{form}")
    return found if isinstance(found, QPushButton) else None


def open_note(tab: Any, qtbot: QtBot) -> FormDialog:
    dialog = opened(tab, qtbot)
    found = card(dialog, "note")
    assert found is not None
    found.click()
    assert dialog.page is not None
    return dialog


def field(dialog: FormDialog, name: str) -> Any:
    assert dialog.page is not None
    return dialog.page.fields.controls[name]


def answer_of(tab: Any, qtbot: QtBot, answers: int = 1) -> AnswerCard:
    """Wait until the last answer was checked."""

    def is_checked() -> bool:
        turns = tab.chat.conversation.turns
        if not turns or len(turns[-1].answers) < answers:
            return False
        view = tab.view.view_of(turns[-1])
        return turns[-1].answers[-1].asset in view.checks

    qtbot.waitUntil(is_checked)
    cards: list[AnswerCard] = tab.view.findChildren(AnswerCard)
    return [each for each in cards if each.isVisible()][-1]


def test_cards_are_found_by_purpose_language_and_words(tab: Any, qtbot: QtBot) -> None:
    dialog = opened(tab, qtbot)
    dialog.cards.language.setCurrentIndex(dialog.cards.language.findData("zh"))
    assert card(dialog, "zh/xiaohongshu") and card(dialog, "note")
    dialog.cards.search.setText("错题")
    shown = [each.objectName() for each in dialog.cards.findChildren(QPushButton)]
    assert [name for name in shown if name.startswith("forms.card")][-1].endswith(
        "practice-questions"
    )
    dialog.cards.search.setText("no such form")
    assert dialog.cards._empty.isVisible()
    assert "broken.toml, line 1" in dialog.cards._note.text()


def test_no_card_cuts_the_summary_of_its_form(tab: Any, qtbot: QtBot, qapp: Any) -> None:
    apply_scheme(qapp, "light")
    cards = opened(tab, qtbot).cards
    cards.language.setCurrentIndex(cards.language.findData("en"))
    labels = [label for label in cards.findChildren(QLabel) if label.wordWrap()]
    cut = [label for label in labels if label.height() < label.heightForWidth(label.width())]
    assert len(labels) > 10 and not [label.text() for label in cut if label.isVisible()]


def test_what_is_missing_is_said_below_its_field_and_nothing_runs(tab: Any, qtbot: QtBot) -> None:
    dialog = open_note(tab, qtbot)
    assert dialog.page is not None
    dialog.page.run.click()
    assert "“To” is empty." in dialog.page.fields._errors["who"].text()
    assert field(dialog, "who").hasFocus() or dialog.isVisible()
    assert not tab.chat.conversation.turns


def test_the_prompt_is_seen_while_typing_and_the_answer_is_checked_and_marked(
    tab: Any, qtbot: QtBot
) -> None:
    dialog = open_note(tab, qtbot)
    page = dialog.page
    assert page is not None
    assert isinstance(field(dialog, "who"), QLineEdit)
    assert isinstance(field(dialog, "avoid"), QPlainTextEdit)
    assert isinstance(page.brand, QComboBox)
    field(dialog, "who").setText("Bo")
    field(dialog, "avoid").setPlainText("three")
    page.brand.setCurrentIndex(page.brand.findData("acme"))
    assert page.prompt.toPlainText().startswith("for Bo")
    assert "Never use: four" in page.prompt.toPlainText()
    page.run.click()
    shown = answer_of(tab, qtbot)
    assert shown._findings is not None
    said = shown._findings.list.text()
    assert "“three” is one of the words to avoid." in said
    assert "“four” is one of the words to avoid." in said
    assert marked(shown.body) == ["three", "four"]
    turn = tab.chat.conversation.turns[-1]
    assert turn.form[FORM] == "note"
    assert tab._state.library.assets.of_job(next(iter(turn.jobs)))[0].recipe.labels == turn.form


def test_an_answer_with_findings_is_written_again_and_told_what_was_wrong(
    tab: Any, qtbot: QtBot
) -> None:
    dialog = open_note(tab, qtbot)
    field(dialog, "who").setText("Bo")
    field(dialog, "avoid").setPlainText("three")
    assert dialog.page is not None
    dialog.page.run.click()
    shown = answer_of(tab, qtbot)
    assert shown._findings is not None
    shown._findings.again.click()
    answer_of(tab, qtbot, answers=2)
    turn = tab.chat.conversation.turns[-1]
    jobs = [tab._state.library.queue.get(job) for job in turn.jobs]
    assert [job.labels["attempt"] for job in jobs] == ["1", "2"]
    assert "“three”" in jobs[1].request.prompt
    assert [each.role for each in jobs[1].request.messages] == ["user", "assistant"]


def test_a_form_keeps_what_was_filled_in_and_its_conversation_is_checked_after_a_restart(
    library: Path, open_window: Any, qtbot: QtBot
) -> None:
    assert library
    window = open_window()
    tab: Any = window.tab("text")
    dialog = open_note(tab, qtbot)
    field(dialog, "who").setText("Bo")
    dialog.close()
    dialog = open_note(tab, qtbot)
    assert field(dialog, "who").text() == "Bo"
    field(dialog, "avoid").setPlainText("three")
    assert dialog.page is not None
    dialog.page.run.click()
    answer_of(tab, qtbot)
    window.close()
    again = open_window()
    assert marked(answer_of(again.tab("text"), qtbot).body) == ["three"]


def test_the_palette_opens_the_forms(tab: Any, window: MainWindow) -> None:
    tab.create_all()
    entries = list(button_entries(window, window.tabs.show_task))
    assert [entry.text for entry in entries] == ["Forms", "Documents"]
    entries[0].run()
    assert tab.window().findChild(FormDialog) is not None


def marked(body: QTextBrowser) -> list[str]:
    found = []
    block = body.document().begin()
    while block.isValid():
        parts = block.begin()
        while not parts.atEnd():
            fragment = parts.fragment()
            if fragment.charFormat().toolTip():
                found.append(fragment.text())
            parts += 1
        block = block.next()
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [("a **5 kg** b 5 kg", (8, 12)), ("x 5 kg", None), ("5 kg\n\n5 kg", (8, 12))],
)
def test_a_place_of_the_source_is_found_in_the_rendered_text(
    source: str, found: tuple[int, int] | None
) -> None:
    rendered = source.replace("*", "").replace("\n\n", "\n") if found else "nothing"
    start = source.rindex("5 kg")
    place = rendered_place(source, rendered, start, start + 4)
    assert (rendered[place[0] : place[1]] if place else None) == ("5 kg" if found else None)
