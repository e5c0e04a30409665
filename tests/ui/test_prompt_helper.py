"""The prompt helper of the Image tab: parts switched on and off, and filled in by a text model."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from studio.ui.main_window import MainWindow


@pytest.fixture
def helper(window: MainWindow) -> Any:
    window.tabs.setCurrentIndex(1)
    tab: Any = window.tab("image")
    tab.prompt.set_text("A red fox")
    section = window.findChild(QToolButton, "image.helper")
    assert isinstance(section, QToolButton)
    section.click()
    return tab._panel.helper


def chip(helper: Any, name: str) -> QToolButton:
    found = helper.findChild(QToolButton, f"image.helper.{name}")
    assert isinstance(found, QToolButton)
    return found


def test_parts_are_switched_on_and_off_and_the_prompt_is_used(
    helper: Any, window: MainWindow
) -> None:
    chip(helper, "style.1").click()
    chip(helper, "light.4").click()
    assert helper.text() == "An oil painting of a red fox, moonlight."
    next(c for c in helper.findChildren(QToolButton) if c.isChecked()).click()
    assert helper.text() == "A red fox, moonlight."
    helper.use.click()
    tab: Any = window.tab("image")
    assert tab.prompt.text() == "A red fox, moonlight."


def test_a_text_model_fills_in_the_parts(helper: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(helper.ask.isVisible)
    helper.ask.click()
    qtbot.waitUntil(lambda: helper._watch is None)
    assert helper._own and not helper.note.isVisible()
    assert any(each.isChecked() for each in helper.findChildren(QToolButton))
    said = helper.text().lower()
    assert all(text.lower() in said for text in helper._chosen.values())
