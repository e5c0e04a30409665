"""A passage of a document in its page, highlighted."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette, QTextCursor
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QTextEdit, QWidget

from studio.formats.documents.document import Document
from studio.kinds.sources import Passage, Source, place_of
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import plain_label

_TINT = 70


class PassageDialog(QDialog):
    """Not modal. Object names: `passage.dialog`, `passage.text`.

    Without the document, which may be gone from the index, only the passage is shown.
    """

    def __init__(
        self,
        source: Source,
        passage: Passage,
        document: Document | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("passage.dialog")
        place = translated(place_of(source, passage))
        self.setWindowTitle(f"{source.name}, {place}")
        self.resize(80 * GRID, 72 * GRID)
        heading = plain_label(f"{source.name}, {place}", self)
        heading.setWordWrap(True)
        self.text = QPlainTextEdit(self)
        self.text.setObjectName("passage.text")
        self.text.setAccessibleName(self.tr("Text of the page"))
        self.text.setReadOnly(True)
        break_long_words(self.text)
        text, start, end = _in_part(passage, document)
        self.text.setPlainText(text)
        self._highlight(text, start, end)
        fill_dialog(self, heading, self.text, close_buttons(self), stretched=self.text)

    def _highlight(self, text: str, start: int, end: int) -> None:
        cursor = self.text.textCursor()
        cursor.setPosition(_utf16(text, start))
        self.text.setTextCursor(cursor)
        cursor.setPosition(_utf16(text, end), QTextCursor.MoveMode.KeepAnchor)
        mark = QTextEdit.ExtraSelection()
        tint = QColor(self.palette().color(QPalette.ColorRole.Accent))
        tint.setAlpha(_TINT)
        mark.format.setBackground(tint)
        mark.cursor = cursor
        self.text.setExtraSelections([mark])
        self.text.centerCursor()


def _in_part(passage: Passage, document: Document | None) -> tuple[str, int, int]:
    """Return the text of the page, and where the passage stands in it."""
    if document is not None and 0 < passage.part <= len(document.parts):
        part = document.parts[passage.part - 1]
        start, end = passage.start - part.start, passage.end - part.start
        if part.text[max(0, start) : end] == passage.text:
            return part.text, start, end
    return passage.text, 0, len(passage.text)


def _utf16(text: str, place: int) -> int:
    return len(text[:place].encode("utf-16-le")) // 2
