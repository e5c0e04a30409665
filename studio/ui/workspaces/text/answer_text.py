"""Shows one answer: as Markdown, or as plain text while a long one is streamed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QMouseEvent,
    QPalette,
    QResizeEvent,
    QTextCursor,
    QTextDocument,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.long_words import has_long_word
from studio.ui.widgets.marked_selection import marked_selection
from studio.ui.widgets.open_link_dialog import OpenLinkDialog
from studio.ui.workspaces.text.answer_document import (
    fits_growing_view,
    is_quick_to_render,
    markdown_document,
    plain_document,
)
from studio.ui.workspaces.text.sources.links import passage_of

MAX_STREAMED_MARKDOWN = 4000
"""Characters up to which an unfinished answer is rendered as Markdown."""

LONG_TEXT_HEIGHT = 60 * GRID
"""Pixels; the height of a view that would grow, with a text too long for that."""


class AnswerText(QTextBrowser):
    """A read-only text view. With `grows` it is as high as its text, otherwise it scrolls."""

    passage_clicked = Signal(int)
    """The number of a passage that the answer rests on."""
    word_clicked = Signal(int, int, object)
    """Start and length of a word in the shown text, and where it is on the screen."""

    def __init__(self, grows: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = ""
        """Goes along with what is copied."""
        self.picks_words = False
        """Whether a click chooses a word."""
        self._may_grow = grows
        self._grows = grows
        self._document: QTextDocument | None = None
        self._plain_length: int | None = None
        self._shown = ("", False)
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._ask_to_open)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("Answer"))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        palette = self.palette()
        palette.setBrush(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        self.setPalette(palette)
        self.document().setDocumentMargin(0)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        if grows:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_answer(self, text: str, finished: bool) -> None:
        """Show a text, appending to the shown one where possible; `finished` renders it fully."""
        if self._shown == (text, finished):
            return
        # Rendering again would clear the selection. The finished text is rendered regardless.
        if not finished and self.textCursor().hasSelection() and text.startswith(self._shown[0]):
            return
        bar = self.verticalScrollBar()
        position, follows = bar.value(), bar.value() >= bar.maximum() - 4
        if (finished or len(text) <= MAX_STREAMED_MARKDOWN) and is_quick_to_render(text):
            self._plain_length = None
            self._set_grows(self._may_grow)
            code = self.palette().color(QPalette.ColorRole.Midlight)
            self._replace_document(markdown_document(text, self.font(), code))
        else:
            self._show_plain(text)
        self._shown = (text, finished)
        if not self._grows:
            bar.setValue(
                bar.maximum() if follows and not finished else min(position, bar.maximum())
            )

    def _show_plain(self, text: str) -> None:
        grows = self._may_grow and fits_growing_view(text)
        shown = self._plain_length
        if shown is None or grows != self._grows or not text.startswith(self._shown[0]):
            self._set_grows(grows)
            self._replace_document(plain_document(text, self.font()))
        elif has_long_word(text[max(0, shown - 2000) :]) and not self._breaks_anywhere():
            self._replace_document(plain_document(text, self.font()))
        else:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[shown:])
        self._plain_length = len(text)

    def _breaks_anywhere(self) -> bool:
        option = self.document().defaultTextOption()
        return option.wrapMode() == QTextOption.WrapMode.WrapAnywhere

    def _replace_document(self, document: QTextDocument) -> None:
        """Show a document that has no layout yet; `setDocument` always lays it out."""
        document.setParent(self)
        layout = document.documentLayout()
        layout.setPaintDevice(self.viewport())
        self.setWordWrapMode(document.defaultTextOption().wrapMode())
        self.setDocument(document)
        if self._document is not None:
            self._document.deleteLater()
        self._document = document
        if self._grows:
            layout.documentSizeChanged.connect(self._fit_height)
            self._fit_height()

    def _set_grows(self, grows: bool) -> None:
        if grows == self._grows:
            return
        self._grows = grows
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOff if grows else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        )
        if not grows:
            self.setFixedHeight(LONG_TEXT_HEIGHT)

    def createMimeDataFromSelection(self) -> QMimeData:
        return marked_selection(super().createMimeDataFromSelection(), self.note)

    def loadResource(self, _kind: int, _name: QUrl | str) -> Any:
        """Load nothing; images never get here, see `answer_document`."""
        return None

    def sizeHint(self) -> QSize:
        if self._grows:
            return QSize(super().sizeHint().width(), self._text_height())
        return super().sizeHint()

    def _text_height(self) -> int:
        bar = self.horizontalScrollBar()
        extra = bar.sizeHint().height() if bar.maximum() > 0 else 0
        return int(self.document().size().height()) + 2 + extra

    def _fit_height(self) -> None:
        height = max(self._text_height(), self.fontMetrics().height())
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._grows:
            self._fit_height()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._shown[0]:
            text, finished = self._shown
            self._shown = ("", False)
            self._plain_length = None
            self.show_answer(text, finished)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        point = event.position().toPoint()
        if not self.picks_words or event.button() != Qt.MouseButton.LeftButton:
            return
        if self.textCursor().hasSelection() or self.anchorAt(point):
            return
        cursor = self.cursorForPosition(point)
        cursor.select(QTextCursor.SelectionType.WordUnderCursor)
        if cursor.hasSelection():
            start, length = cursor.selectionStart(), len(cursor.selectedText())
            cursor.setPosition(start)
            below = self.cursorRect(cursor).bottomLeft()
            self.word_clicked.emit(start, length, self.viewport().mapToGlobal(below))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._grows and not event.modifiers():
            event.ignore()
        else:
            super().wheelEvent(event)

    def _ask_to_open(self, link: QUrl) -> None:
        if number := passage_of(link):
            self.passage_clicked.emit(number)
        elif link.scheme() in ("http", "https"):
            show_dialog(OpenLinkDialog(link, self.window()))
