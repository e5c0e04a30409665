"""A word of 200,000 letters would stop the window for seconds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

import studio.ui
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import breakable

Wrap = QTextOption.WrapMode


@pytest.mark.parametrize("letter", ["a", "ا", "ก"])
def test_long_words_are_broken_anywhere_while_they_are_shown(qtbot: QtBot, letter: str) -> None:
    editor = QPlainTextEdit()
    qtbot.addWidget(editor)
    break_long_words(editor)
    editor.setPlainText("words " * 1000 + "字" * 5000)
    assert editor.wordWrapMode() == Wrap.WrapAtWordBoundaryOrAnywhere
    editor.setPlainText(f"a {letter * 5000}")
    assert editor.wordWrapMode() == Wrap.WrapAnywhere
    editor.setPlainText("a")
    assert editor.wordWrapMode() == Wrap.WrapAtWordBoundaryOrAnywhere


def test_a_chinese_sentence_gets_no_break_inside_of_a_word() -> None:
    """Lines end between its characters anyway; a name of that length gets places for breaks."""
    sentence = "此模型一次只画一个事物，而提示词中有多个：" * 3 + "“umbrella”"
    assert breakable(sentence) == sentence
    assert "\u200b" in breakable("a" * 60)


def test_every_editor_breaks_long_words() -> None:
    made = re.compile(r"= QPlainTextEdit\(|class \w+\(QPlainTextEdit\)")
    for file in Path(studio.ui.__file__).parent.rglob("*.py"):
        source = file.read_text("utf-8")
        assert len(made.findall(source)) <= source.count("break_long_words("), file
