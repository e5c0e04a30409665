"""What is said in a sound; the word that is heard is highlighted, and a click jumps to a word."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPalette, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from studio.formats.sounds.lyrics import TimedLine
from studio.ui.style.theme import GRID
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.marked_selection import marked_selection

MAX_WORDS = 20_000
"""Words that are shown; a longer text would take the window's time."""


class Transcript(QPlainTextEdit):
    """The lines are the sentences. Read-only, unless `set_editable` says otherwise."""

    jumped = Signal(float)
    """To the start of a word, in seconds."""
    edited = Signal()
    """The user changed the text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = ""
        """Goes along with what is copied."""
        self.setReadOnly(True)
        break_long_words(self)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.document().setDocumentMargin(GRID + GRID // 2)
        self.setAccessibleName(self.tr("What is said"))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._places: list[tuple[int, int]] = []
        self._shown = -1
        self._is_filling = False
        self.textChanged.connect(self._text_changed)

    @property
    def is_whole(self) -> bool:
        """Whether all words are shown."""
        return len(self._places) < MAX_WORDS

    def set_editable(self, editable: bool) -> None:
        """Let the user change the text, if all of it is shown."""
        editable = editable and self.is_whole
        self.setReadOnly(not editable)
        shape = Qt.CursorShape.IBeamCursor if editable else Qt.CursorShape.PointingHandCursor
        self.viewport().setCursor(shape)

    def adopt(self, lines: Sequence[TimedLine]) -> None:
        """Take the times of words that are already in the text."""
        text = self.toPlainText()
        self._starts, self._ends, self._places = [], [], []
        self._shown = -1
        at = 0
        for word in (word for line in lines for word in line.words):
            found = text.find(word.text, at)
            if found < 0:
                continue
            at = found + len(word.text)
            self._starts.append(word.start)
            self._ends.append(word.end)
            self._places.append((found, at))

    def _text_changed(self) -> None:
        if not self._is_filling and not self.isReadOnly():
            # The places of the words are those of the text before.
            self._starts, self._ends, self._places = [], [], []
            self._shown = -1
            self.setExtraSelections([])
            self.edited.emit()

    def set_lines(self, lines: Sequence[TimedLine]) -> None:
        """Show the words of a sound."""
        self._starts, self._ends, self._places = [], [], []
        self._shown = -1
        self.setExtraSelections([])
        parts: list[str] = []
        at = 0
        for line in lines:
            if len(self._places) >= MAX_WORDS:
                break
            for number, word in enumerate(line.words):
                gap = "" if word.joined or not number else " "
                parts.append(gap + word.text)
                at += len(gap)
                self._starts.append(word.start)
                self._ends.append(word.end)
                self._places.append((at, at + len(word.text)))
                at += len(word.text)
            parts.append("\n")
            at += 1
        self._is_filling = True
        self.setPlainText("".join(parts).rstrip("\n"))
        self._is_filling = False

    def set_position(self, seconds: float) -> None:
        """Highlight the word that is heard at a time; none before the first."""
        word = bisect_right(self._starts, seconds) - 1 if seconds > 0 else -1
        if word == self._shown:
            return
        self._shown = word
        if word < 0:
            self.setExtraSelections([])
            return
        selection = QTextEdit.ExtraSelection()
        look = QTextCharFormat()
        look.setBackground(self.palette().color(QPalette.ColorRole.Highlight))
        look.setForeground(self.palette().color(QPalette.ColorRole.HighlightedText))
        cursor = QTextCursor(self.document())
        start, end = self._places[word]
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        selection.cursor, selection.format = cursor, look
        self.setExtraSelections([selection])
        is_typing = self.hasFocus() and not self.isReadOnly()
        if not is_typing and not self.viewport().rect().contains(self.cursorRect(cursor)):
            at = self.textCursor()
            at.setPosition(start)
            self.setTextCursor(at)
            self.ensureCursorVisible()

    def createMimeDataFromSelection(self) -> QMimeData:
        return marked_selection(super().createMimeDataFromSelection(), self.note)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if event.button() != Qt.MouseButton.LeftButton or self.textCursor().hasSelection():
            return
        place = self.cursorForPosition(event.position().toPoint()).position()
        for number, (start, end) in enumerate(self._places):
            if start <= place <= end:
                self.jumped.emit(self._starts[number])
                return
