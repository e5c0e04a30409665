"""Texts with a note in front wherever they are copied or dragged, such as that they are drafts."""

from __future__ import annotations

import re
from html import escape

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from studio.ui.widgets.long_words import break_long_words

_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def marked_selection(data: QMimeData, note: str) -> QMimeData:
    """Return what is copied or dragged with a note in front; unchanged if it is empty."""
    if not note:
        return data
    marked = QMimeData()
    marked.setText(f"{note}\n\n{data.text()}")
    if data.hasHtml():
        html = data.html()
        body = _BODY.search(html)
        place = body.end() if body else 0
        marked.setHtml(f"{html[:place]}<p>{escape(note)}</p>{html[place:]}")
    return marked


class MarkedTextView(QPlainTextEdit):
    """A plain text; `note` goes along with what is copied of it."""

    note = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        break_long_words(self)

    def createMimeDataFromSelection(self) -> QMimeData:
        return marked_selection(super().createMimeDataFromSelection(), self.note)
