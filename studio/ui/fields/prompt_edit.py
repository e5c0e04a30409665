"""The prompt editor."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from studio.ui.widgets.long_words import break_long_words

MAX_FILE_BYTES = 1_000_000
"""Largest text file that can be dropped."""


class PromptEdit(QPlainTextEdit):
    """Plain text: Ctrl+Enter submits, Tab moves the focus, dropped text files are inserted.

    With `submits_on_enter`, Enter submits as well, and Shift+Enter starts a new line.
    """

    submitted = Signal()

    def __init__(self, placeholder: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(True)
        self.submits_on_enter = False
        self._growth: tuple[int, int] | None = None
        self.set_minimum_lines(3)
        break_long_words(self)

    def set_minimum_lines(self, lines: int) -> None:
        """Set the minimum height in lines of text."""
        self.setMinimumHeight(self._height_of(lines))

    def grow(self, least: int, most: int) -> None:
        """Be as high as the text from now on, within these numbers of lines."""
        self._growth = (least, most)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        self._fit_height()

    def _height_of(self, lines: int) -> int:
        margins = self.contentsMargins()
        frame = 2 * self.frameWidth() + margins.top() + margins.bottom()
        document = 2 * round(self.document().documentMargin())
        return lines * self.fontMetrics().lineSpacing() + frame + document

    def _fit_height(self, *_: object) -> None:
        if self._growth is None:
            return
        least, most = self._growth
        lines = 0
        block = self.document().begin()
        while block.isValid() and lines < most:
            lines += max(1, block.lineCount())
            block = block.next()
        height = self._height_of(min(max(lines, least), most))
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def text(self) -> str:
        """Return the prompt as typed."""
        return self.toPlainText()

    def set_text(self, text: str) -> None:
        """Replace the prompt as one undoable change."""
        cursor = self.textCursor()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if enter and (control or (self.submits_on_enter and not shift)):
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
