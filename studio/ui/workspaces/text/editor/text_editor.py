"""The text as it is typed, with what the checks found and what is searched for marked in it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QMimeData, QPoint, Signal
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QHelpEvent,
    QPalette,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QToolTip, QWidget

from studio.ui.style.theme import GRID, selection_colour, severity_colour
from studio.ui.style.translations import translated
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.marked_selection import marked_selection
from studio.ui.widgets.plain_text import plain_tooltip
from studio.writing.facts.findings import Finding

MAX_MARKS = 400
"""Marks of one sort; each is looked at whenever a line is drawn."""

_OWN = "application/x-prompt-studio-text"
_TINT = 50
"""Of 255: the text must stay readable."""

Span = tuple[int, int]


class TextEditor(QPlainTextEdit):
    """Object name: `text.document`. Places are those of Python, not of Qt."""

    edited = Signal()
    """The text has changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("text.document")
        self.setAccessibleName(self.tr("Text"))
        self.setTabChangesFocus(True)
        break_long_words(self)
        self.document().setDocumentMargin(2 * GRID)
        self.note = ""
        """Goes along with what is copied, but not within the editor."""
        self._findings: Sequence[Finding] = ()
        self._places: list[QTextCursor] = []
        self._found: Sequence[Span] = ()
        self._current: int = -1
        self._passage: Span | None = None
        self._read: str | None = ""
        self.textChanged.connect(self._text_changed)

    # ---- text

    def text(self) -> str:
        """Return the text."""
        if self._read is None:
            raw = self.document().toRawText()
            self._read = raw.replace("\u2029", "\n").replace("\u2028", "\n")
        return self._read

    def set_text(self, text: str) -> None:
        """Show another text, without undo."""
        self.show_findings("", ())
        self.show_found((), -1)
        self.show_passage(None)
        self.setPlainText(text)

    def _text_changed(self) -> None:
        self._read = None
        self.edited.emit()

    def selection(self) -> Span:
        """Return the selected place, or that of the cursor."""
        cursor = self.textCursor()
        text = self.text()
        return (
            python_place(text, cursor.selectionStart()),
            python_place(text, cursor.selectionEnd()),
        )

    def select(self, start: int, end: int) -> None:
        """Select a place, and show it."""
        text = self.text()
        cursor = self.textCursor()
        cursor.setPosition(qt_place(text, start))
        cursor.setPosition(qt_place(text, end), QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def replace(self, start: int, end: int, new: str) -> None:
        """Replace a place as one step of undo; what stays the same at its ends is not touched."""
        text = self.text()
        old = text[start:end]
        if old == new:
            return
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        first, last = start + head, end - tail
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.setPosition(qt_place(text, first))
        cursor.setPosition(qt_place(text, last), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(new[head : len(new) - tail])
        cursor.endEditBlock()

    def createMimeDataFromSelection(self) -> QMimeData:
        data = super().createMimeDataFromSelection()
        marked = marked_selection(data, self.note)
        marked.setData(_OWN, data.text().encode("utf-8", "surrogatepass"))
        return marked

    def insertFromMimeData(self, source: QMimeData) -> None:
        if source.hasFormat(_OWN):
            self.insertPlainText(bytes(source.data(_OWN).data()).decode("utf-8", "replace"))
        else:
            super().insertFromMimeData(source)

    # ---- marks

    def show_findings(self, checked: str, findings: Sequence[Finding]) -> None:
        """Mark findings, whose places are those of the `checked` text."""
        is_shown = checked == self.text().strip()
        offset = len(self.text()) - len(self.text().lstrip())
        self._findings = [each for each in findings if each.end > each.start] if is_shown else ()
        self._findings = self._findings[:MAX_MARKS]
        # Cursors stay at their words while the text is typed.
        self._places = [
            self._cursor(self.text(), (each.start + offset, each.end + offset))
            for each in self._findings
        ]
        self._mark()

    def show_found(self, places: Sequence[Span], current: int) -> None:
        """Mark what is searched for; `current` is the index of the one that is selected."""
        self._found, self._current = places, current
        self._mark()

    def show_passage(self, passage: Span | None) -> None:
        """Mark the passage that a proposal is for."""
        self._passage = passage
        self._mark()

    def _mark(self) -> None:
        text = self.text()
        marks: list[QTextEdit.ExtraSelection] = []
        palette = QGuiApplication.palette()
        if self._passage is not None:
            marks.append(self._selection(text, self._passage, selection_colour(palette)))
        warning = severity_colour("warning", palette)
        tint = QColor(warning)
        tint.setAlpha(_TINT)
        for place in self._places:
            mark = self._marked(place, tint)
            mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            mark.format.setUnderlineColor(warning)
            marks.append(mark)
        # Around the current one, so that those in sight are marked also in a long text.
        first = max(0, self._current - MAX_MARKS // 2)
        found = QColor(palette.color(QPalette.ColorRole.Accent))
        found.setAlpha(2 * _TINT)
        marks += [
            self._selection(text, span, found) for span in self._found[first : first + MAX_MARKS]
        ]
        self.setExtraSelections(marks)

    def _selection(self, text: str, span: Span, colour: QColor) -> QTextEdit.ExtraSelection:
        return self._marked(self._cursor(text, span), colour)

    def _cursor(self, text: str, span: Span) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.setPosition(qt_place(text, span[0]))
        cursor.setPosition(qt_place(text, span[1]), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    @staticmethod
    def _marked(cursor: QTextCursor, colour: QColor) -> QTextEdit.ExtraSelection:
        mark = QTextEdit.ExtraSelection()
        mark.cursor = cursor
        shape = QTextCharFormat()
        shape.setBackground(colour)
        mark.format = shape
        return mark

    def finding_at(self, point: QPoint) -> Finding | None:
        """Return what was found at a point of the view."""
        place = self.cursorForPosition(point).position()
        for finding, cursor in zip(self._findings, self._places, strict=True):
            if cursor.selectionStart() <= place <= cursor.selectionEnd():
                return finding
        return None

    def next_finding(self) -> Finding | None:
        """Select the next place with a finding after the cursor, or the first one."""
        if not self._places:
            return None
        at = self.textCursor().selectionStart()
        order = range(len(self._places))
        after = (n for n in order if self._places[n].selectionStart() > at)
        first = min(order, key=lambda n: self._places[n].selectionStart())
        index = min(after, key=lambda n: self._places[n].selectionStart(), default=first)
        self.setTextCursor(QTextCursor(self._places[index]))
        self.ensureCursorVisible()
        return self._findings[index]

    def event(self, event: QEvent) -> bool:
        """Say the reason of a mark as its tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            finding = self.finding_at(self.viewport().mapFromGlobal(event.globalPos()))
            if finding is None:
                QToolTip.hideText()
            else:
                said = plain_tooltip(translated(finding.message))
                QToolTip.showText(event.globalPos(), said, self)
            return True
        return super().event(event)


def qt_place(text: str, place: int) -> int:
    """Return a place as Qt counts: characters beyond the first 65,536 are two."""
    if text.isascii():
        return place
    return len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


def python_place(text: str, place: int) -> int:
    """Return a place that Qt has counted."""
    if text.isascii():
        return place
    encoded = text.encode("utf-16-le", "surrogatepass")[: 2 * place]
    return len(encoded.decode("utf-16-le", "surrogatepass"))


def _common(first: str, second: str) -> int:
    # By halving: comparing whole slices is much faster than characters one by one.
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[:middle] == second[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
