"""Labels, tooltips and names that show foreign text as it is, and never all of a very long one.

Qt renders the text of a label or tooltip as HTML when it looks like it, and then opens the files
that it names. An ampersand in a menu marks a shortcut. Prompts, answers, file names and model
names must therefore be shown through these functions.
"""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel, QWidget

from studio.ui.widgets.shortened import shortened

MAX_NAME = 200
"""Characters of a name in lists and menus."""

MAX_TOOLTIP = 2000
MAX_TOOLTIP_LINES = 30
TOOLTIP_WIDTH = 100
"""Characters in a line of a tooltip, which Qt makes as wide as its longest line."""

MAX_LABEL = 5000
"""Characters of a label."""

# Lines may end between Chinese, Japanese and Korean characters anyway, and not inside of a word.
_OF_WORD = r"[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]"
_LONG_WORD = re.compile(rf"{_OF_WORD}{{40,}}")
_PART_OF_WORD = re.compile(r"\S{8}(?=\S)")
_BREAK = "\u200b"
"""Invisible; a line may end here."""

_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""They would reorder the text around a name as well."""


class PlainLabel(QLabel):
    """A label that never renders its text as HTML, and with word wrap is never wider than it must.

    Qt makes a label as wide as its longest word: a name of 300 characters would widen the window.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def setText(self, text: str) -> None:
        """Show the beginning of a text, with places to break long words."""
        super().setText(breakable(shortened(text, MAX_LABEL)))

    def text(self) -> str:
        """Return the text that is shown."""
        return super().text().replace(_BREAK, "")


def plain_label(text: str = "", parent: QWidget | None = None) -> PlainLabel:
    """Create a label with a text."""
    label = PlainLabel(parent)
    label.setText(text)
    return label


def rich_label(html: str, parent: QWidget | None = None) -> QLabel:
    """Create a label for the app's own markup; every other text in it must be escaped."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setText(html)
    return label


def plain_tooltip(text: str) -> str:
    """Return what a tooltip must be set to, to show the text as it is, or its beginning."""
    text = _bounded(text)
    if not GuiQt.mightBeRichText(text):
        return text
    # Not at the top: importing it takes 2 ms before the first paint.
    from html import escape

    return f'<p style="white-space: pre-wrap">{escape(text)}</p>'


def breakable(text: str, longest: int = 40) -> str:
    """Return a text with places to break words that are wider than a label may be."""
    long_word = re.compile(rf"{_OF_WORD}{{{longest},}}") if longest != 40 else _LONG_WORD
    return long_word.sub(lambda word: _PART_OF_WORD.sub(rf"\g<0>{_BREAK}", word[0]), text)


def one_line(text: str, longest: int = MAX_NAME) -> str:
    """Return a foreign text as a line of at most `longest` characters, for lists and labels."""
    # Splitting a long prompt at all its blanks would take longer than showing it.
    text = " ".join(text[: 4 * longest].split())
    return shortened(_BIDI_CONTROLS.sub("", text), longest)


def menu_text(name: str, longest: int = 60) -> str:
    """Return a foreign name as the text of a menu entry, where "&" would mark a shortcut."""
    return one_line(name, longest).replace("&", "&&")


def _bounded(text: str) -> str:
    """Return the beginning of a text, in lines that fit on the screen."""
    lines: list[str] = []
    for line in shortened(text, MAX_TOOLTIP).split("\n"):
        if len(line) <= TOOLTIP_WIDTH:
            lines.append(line)
        else:
            from textwrap import wrap

            lines.extend(wrap(line, TOOLTIP_WIDTH))
    if len(lines) > MAX_TOOLTIP_LINES:
        lines[MAX_TOOLTIP_LINES - 1 :] = ["…"]
    return "\n".join(lines)
