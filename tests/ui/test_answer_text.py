"""Answers are rendered within bounds, and nothing that they name is opened without a question."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage, QTextCursor
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from studio.ui.widgets.open_link_dialog import OpenLinkDialog
from studio.ui.workspaces.text.answer_text import LONG_TEXT_HEIGHT, AnswerText
from tests.ui.opened_files import needs_inotify, opened_files

SLOW = {
    "list": "- i\n" * 5000,
    "nested list": "- i\n  - j\n" * 3000,
    "numbered list": "1. i\n" * 5000,
    "list in a quote": "> - i\n" * 5000,
    "long table": "|a|b|\n|-|-|\n" + "|c|d|\n" * 2000,
    "wide table": "|a" * 100 + "|\n" + "|-" * 100 + "|\n" + ("|c" * 100 + "|\n") * 50,
    "code spans": "`a" * 20_000,
    "emphasis": "*a_ " * 12_000,
    "links": "[a](http://b.c) [" * 6000,
    "headings": "# h\n" * 8000,
    "characters": "word " * 20_000,
}


@pytest.fixture
def view(qtbot: QtBot) -> AnswerText:
    view = AnswerText(grows=True)
    qtbot.addWidget(view)
    view.resize(700, 100)
    view.show()
    return view


@pytest.mark.parametrize("case", SLOW)
def test_what_is_slow_to_render_stays_plain_text(view: AnswerText, case: str) -> None:
    view.show_answer(SLOW[case], finished=True)
    assert view.toPlainText() == SLOW[case]


@pytest.mark.parametrize(
    "text",
    [
        "|a|b|\n|-|-|\n" + "|*c*|d|\n" * 190,
        "- *i*\n" * 1000,
        "a *b*\n\n" * 1000,
        "> " * 5000 + "*x*",
    ],
)
def test_long_but_ordinary_answers_are_rendered(view: AnswerText, text: str) -> None:
    view.show_answer(text, finished=True)
    assert "*" not in view.toPlainText()


def test_the_ends_of_lines_are_kept_but_in_code(view: AnswerText) -> None:
    view.show_answer("Chain and wheels,\nthe road hums.\n\n```\na\nb\n```\n\n- c\n- d", True)
    assert view.toPlainText() == "Chain and wheels,\nthe road hums.\na\nb\nc\nd"


@pytest.mark.parametrize(
    "text", ["|a|b|\n|-|-|\n" + "|c|d|\n" * 400, "```\nx\n```\n\n" * 700, "# h\n\n- i\n\n" * 300]
)
def test_a_rendered_answer_is_laid_out_a_fixed_number_of_times(
    view: AnswerText, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    fitted: list[None] = []
    fit = AnswerText._fit_height

    def counted(self: AnswerText, *_size: Any) -> None:
        fitted.append(None)
        fit(self)

    monkeypatch.setattr(AnswerText, "_fit_height", counted)
    view.show_answer(text, finished=True)
    QApplication.processEvents()
    assert 1 <= len(fitted) <= 6
    assert view.height() >= view.document().size().height()


@pytest.mark.parametrize("unit", ["word ", "x", "a\n", "字"])
def test_a_very_long_answer_scrolls_and_new_words_are_appended(view: AnswerText, unit: str) -> None:
    text = unit * (100_000 // len(unit))
    view.show_answer(text, finished=False)
    assert view.height() == LONG_TEXT_HEIGHT
    document = view.document()
    view.show_answer(text + "and more", finished=False)
    assert view.document() is document
    assert view.toPlainText() == text + "and more"
    assert view.verticalScrollBar().maximum() > 0


def test_a_view_grows_again_with_a_shorter_text(view: AnswerText) -> None:
    view.show_answer("a\n" * 10_000, finished=False)
    view.show_answer("a", finished=True)
    assert view.height() < LONG_TEXT_HEIGHT
    assert view.verticalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff


def test_a_long_word_that_arrives_in_parts_is_broken_anywhere(view: AnswerText) -> None:
    for length in (1500, 3000, 6000):
        view.show_answer("*a* " * 2000 + "x" * length, finished=False)
    assert view._breaks_anywhere()


@needs_inotify
def test_no_file_that_an_answer_names_is_opened(view: AnswerText, tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    image.save(str(picture))
    (tmp_path / "style.css").write_text("p { color: red }")
    (tmp_path / "x@2x.png").write_bytes(picture.read_bytes())
    lines = []
    for name in ("x.png", "style.css"):
        path = tmp_path / name
        for address in (str(path), f"/{path}", path.as_uri(), f"qrc:{path}", f"<{path}>"):
            lines.append(f"![a b]({address} 'title') [![c]({address})](http://d.e)")
            lines.append(f"[f][g]\n\n[g]: {address}\n\n|![x]({address})|\n|-|\n|![y]({address})|")
            lines.append(f"# ![x]({address})\n\n- ![y]({address})\n\n> ![z]({address})")
    lines.append(f"<img src='{picture}'><link rel=stylesheet href='{tmp_path}/style.css'>")
    with opened_files(tmp_path) as opened:
        view.show_answer("\n\n".join(lines), finished=True)
        view.grab()
        view.selectAll()
        view.copy()
        QApplication.processEvents()
    assert opened == []
    assert f"![a b]({picture})" in view.toPlainText()


@needs_inotify
def test_the_watch_for_opened_files_sees_what_qt_opens(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    with opened_files(tmp_path) as opened:
        QImage(str(tmp_path / "x.png"))
    assert "x.png" in opened


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_an_answer_that_names_a_pipe_does_not_freeze(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = (
        "from PySide6.QtWidgets import QApplication\n"
        "from studio.ui.workspaces.text.answer_text import AnswerText\n"
        "app = QApplication([])\n"
        "view = AnswerText(grows=True)\n"
        "view.show()\n"
        f"view.show_answer('![x]({pipe})', True)\n"
        "view.grab()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


def test_the_title_of_a_link_is_no_tooltip(view: AnswerText) -> None:
    view.show_answer("[a](http://b.c '<img src=/dev/zero>')", finished=True)
    cursor = QTextCursor(view.document())
    cursor.movePosition(QTextCursor.MoveOperation.NextCharacter)
    assert cursor.charFormat().anchorHref() == "http://b.c"
    assert cursor.charFormat().toolTip() == ""


@pytest.fixture
def opened_links(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    links: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: links.append(url.toString()))
    return links


def _dialog_of_link(view: AnswerText, qtbot: QtBot, text: str) -> OpenLinkDialog:
    """Follow the first link with the keyboard."""
    view.show_answer(text, finished=True)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    dialog = view.findChild(OpenLinkDialog)
    assert dialog is not None
    return dialog


def test_a_link_is_opened_after_a_question_that_shows_the_address(
    view: AnswerText, qtbot: QtBot, opened_links: list[str]
) -> None:
    dialog = _dialog_of_link(view, qtbot, "[bank](https://bank.com@evil.example/a?b=c)")
    assert opened_links == []
    address = dialog.findChild(QLineEdit, "link.address")
    assert address is not None
    assert address.text() == "https://bank.com@evil.example/a?b=c"
    dialog.open_button.setFocus()
    qtbot.keyClick(dialog.open_button, Qt.Key.Key_Space)
    assert opened_links == ["https://bank.com@evil.example/a?b=c"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_enter_and_escape_do_not_open_a_link(
    view: AnswerText, qtbot: QtBot, opened_links: list[str], key: Qt.Key
) -> None:
    dialog = _dialog_of_link(view, qtbot, "[a](https://evil.example)")
    assert dialog.cancel_button.isDefault()
    qtbot.keyClick(dialog, key)
    assert not dialog.isVisible()
    assert opened_links == []


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "//host/share", "javascript:x", "mailto:a@b.c", "/bin/sh"]
)
def test_only_web_addresses_can_be_opened(
    view: AnswerText, opened_links: list[str], address: str
) -> None:
    view.anchorClicked.emit(QUrl(address))
    assert view.findChild(OpenLinkDialog) is None
    assert opened_links == []
