"""The thoughts of an answer are folded, and not copied."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from studio.ui.workspaces.text.conversation import Answer, Turn
from studio.ui.workspaces.text.turn_view import TurnView


def test_thoughts_are_folded_until_opened_and_not_copied(qtbot: QtBot) -> None:
    turn = Turn(prompt="Hi", answers=[Answer(text="<think>\nhm\n</think>\n\nHello")])
    view: Any = TurnView(turn)
    qtbot.addWidget(view)
    view.refresh()
    card = view._single
    assert card.body.toPlainText() == "Hello"
    assert not card._thoughts.is_open() and card._thoughts.button.text() == "Thoughts"
    card._thoughts.set_open(True)
    assert card._thoughts._text.toPlainText() == "hm"
    view._copy(0)
    assert QGuiApplication.clipboard().text() == "Hello"


def test_while_it_thinks_the_heading_says_so_and_an_answer_without_thoughts_has_none(
    qtbot: QtBot,
) -> None:
    turn = Turn(prompt="Hi", answers=[Answer(text="<think>hm")])
    view: Any = TurnView(turn)
    qtbot.addWidget(view)
    view.set_running(True)
    assert view._single._thoughts.button.text() == "Thinking…"
    turn.answers[0].text = "Hello"
    view.set_running(False)
    assert view._single._thoughts.isHidden()
