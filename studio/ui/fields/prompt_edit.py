"""The prompt editor."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QWidget

MAX_FILE_BYTES = 1_000_000
"""Largest text file that can be dropped."""

LONG_WORD = 2000
"""Characters without a space above which lines are broken anywhere."""

_LONG_WORD = re.compile(rf"[!-~]{{{LONG_WORD}}}")


class PromptEdit(QPlainTextEdit):
    """Plain text: Ctrl+Enter submits, Tab moves the focus, dropped text files are inserted."""

    submitted = Signal()

    def __init__(self, placeholder: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(True)
        self.set_minimum_lines(3)
        self.document().contentsChange.connect(self._break_long_words)

    def set_minimum_lines(self, lines: int) -> None:
        """Set the minimum height in lines of text."""
        margins = self.contentsMargins()
        frame = 2 * self.frameWidth() + margins.top() + margins.bottom()
        document = 2 * round(self.document().documentMargin())
        self.setMinimumHeight(lines * self.fontMetrics().lineSpacing() + frame + document)

    def text(self) -> str:
        """Return the prompt as typed."""
        return self.toPlainText()

    def set_text(self, text: str) -> None:
        """Replace the prompt as one undoable change."""
        cursor = self.textCursor()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)

    def _break_long_words(self, position: int, _removed: int, added: int) -> None:
        # Qt takes seconds to find a line break in such a word; this runs before the layout does.
        if added < LONG_WORD:
            return
        if _LONG_WORD.search(self.toPlainText()[position : position + added]):
            self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.submitted.emit()
            return
        super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return _text_file(source) is not None or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        file = _text_file(source)
        if file is None:
            super().insertFromMimeData(source)
            return
        # Not needed when the window starts.
        from studio.formats.text_encoding import decode
        from studio.formats.untrusted_files import read_start

        try:
            decoded = decode(read_start(file, MAX_FILE_BYTES))
        except OSError:
            return
        if decoded is not None:
            self.insertPlainText(decoded.text)


def _text_file(source: QMimeData) -> Path | None:
    urls = source.urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    file = Path(urls[0].toLocalFile())
    if file.suffix.lower() not in (".txt", ".md", ".text", ".csv", ".json", ".py", ".srt"):
        return None
    try:
        return file if file.stat().st_size <= MAX_FILE_BYTES else None
    except OSError:
        return None
