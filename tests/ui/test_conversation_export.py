"""A conversation as Markdown, HTML and a Word document."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from pytestqt.qtbot import QtBot

from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn
from studio.ui.workspaces.text.conversation_export import export

ANSWER = """<think>hm</think>

Some **bold** words, <b>raw</b> and ![x](file:///etc/hostname).

- one
- two

| a | b |
|---|---|
| 1 | 狐狸 |

```
x = 1
```
"""


pytestmark = pytest.mark.usefixtures("qapp")


def conversation() -> Conversation:
    turns = [
        Turn("A *plain* <prompt>\nin two lines \x00\x1f", [Answer("not chosen"), Answer(ANSWER)]),
        Turn("Unanswered", [Answer()]),
    ]
    turns[0].chosen = 1
    found = Conversation(turns, title="Slogans & <more>")
    found.number()
    return found


def test_markdown_has_the_chosen_answers_as_they_were_written(tmp_path: Path) -> None:
    export(conversation(), tmp_path / "x.md")
    text = (tmp_path / "x.md").read_text("utf-8")
    assert text.startswith("# Slogans & <more>\n\n## You\n\nA *plain* <prompt>\nin two lines")
    assert "**bold**" in text and "| 1 | 狐狸 |" in text
    assert "not chosen" not in text and "hm" not in text


def test_html_shows_markup_of_others_as_text(tmp_path: Path) -> None:
    export(conversation(), tmp_path / "x.html")
    text = (tmp_path / "x.html").read_text("utf-8")
    assert "<title>Slogans &amp; &lt;more&gt;</title>" in text
    assert "A *plain* &lt;prompt&gt;" in text
    assert "&lt;b&gt;raw&lt;/b&gt;" in text
    assert "<img" not in text
    assert "<table" in text and "狐狸" in text


def test_a_word_document_has_headings_lists_and_tables(tmp_path: Path) -> None:
    export(conversation(), tmp_path / "x.docx")
    document = Document(str(tmp_path / "x.docx"))
    texts = [paragraph.text for paragraph in document.paragraphs]
    assert texts[0] == "Slogans & <more>"
    assert texts[1:4] == ["You", "A *plain* <prompt>", "in two lines "]
    assert "one" in texts and "x = 1" in texts
    styles = {p.text: p.style.name for p in document.paragraphs if p.style is not None}
    assert styles["one"] == "List Bullet"
    bold = [run.text for p in document.paragraphs for run in p.runs if run.bold]
    assert bold == ["bold"]
    (table,) = document.tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["a", "b"], ["1", "狐狸"]]
    assert not [name for name in zipfile.ZipFile(tmp_path / "x.docx").namelist() if "media" in name]


def test_a_web_page_has_no_links_that_run_scripts(tmp_path: Path) -> None:
    answer = "[go](javascript:alert(1)) [data](data:text/html,x) **[site](https://example.org/)**"
    export(Conversation([Turn("x", [Answer(answer)])]), tmp_path / "x.html")
    text = (tmp_path / "x.html").read_text("utf-8")
    assert re.findall(r'href="([^"]*)"', text) == ["https://example.org/"]
    assert "go (javascript:alert(1))" in text


@pytest.mark.parametrize("suffix", [".md", ".html", ".docx"])
def test_odd_and_long_answers_are_exported(tmp_path: Path, suffix: str) -> None:
    odd = ["", "word " * 30_000, "|a|b|\n|-|-|\n" * 2, "# \n\n- \n\n> ", "\ufffe\x0b\ud800"]
    found = Conversation([Turn(text or "x", [Answer(text)]) for text in odd])
    found.number()
    export(found, tmp_path / f"x{suffix}")
    assert (tmp_path / f"x{suffix}").stat().st_size > 100


def test_an_export_says_where_it_is_or_why_not(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    tab: Any = window.tab("text")
    tab.chat.replace(conversation(), "")
    tab._side.export(tab.chat.conversation, tmp_path / "x.docx")
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=20_000)
    assert str(tmp_path / "x.docx") in window.messages.text()
    tab._side.export(tab.chat.conversation, tmp_path / "missing" / "x.md")
    qtbot.waitUntil(lambda: len(window.messages.messages) == 2, timeout=20_000)
    assert not (tmp_path / "missing").exists()
