"""Labels and tooltips that show text as it is.

Qt renders a label's or tooltip's text as HTML when it looks like it, and then opens the files that
it names. Prompts, answers, file names and model names must therefore be shown through these.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel, QWidget


def plain_label(text: str = "", parent: QWidget | None = None) -> QLabel:
    """Create a label that never renders its text as HTML."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    return label


def plain_tooltip(text: str) -> str:
    """Return what a tooltip must be set to, to show the text as it is."""
    if not GuiQt.mightBeRichText(text):
        return text
    # Not at the top: importing it takes 2 ms before the first paint.
    from html import escape

    return f'<p style="white-space: pre-wrap">{escape(text)}</p>'
