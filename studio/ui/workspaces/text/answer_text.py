"""Shows one answer: as Markdown, or as plain text while a long one is streamed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QPalette,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

MAX_STREAMED_MARKDOWN = 4000
"""Characters up to which an unfinished answer is rendered as Markdown."""

MAX_MARKDOWN = 60_000
"""Characters above which an answer stays plain text: rendering it would block the window."""

_FEATURES = (
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub
    | QTextDocument.MarkdownFeature.MarkdownNoHTML
)


class AnswerText(QTextBrowser):
    """A read-only text view. With `grows` it is as high as its text, otherwise it scrolls."""

    def __init__(self, grows: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grows = grows
        self._plain_length: int | None = None
        self._shown = ("", False)
        self.setOpenLinks(False)
        self.anchorClicked.connect(_open_link)
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
            self.document().documentLayout().documentSizeChanged.connect(self._fit_height)

    def show_answer(self, text: str, finished: bool) -> None:
        """Show a text, appending to the shown one where possible; `finished` renders it fully."""
        if self._shown == (text, finished):
            return
        # Rendering again would clear the selection. The finished text is rendered regardless.
        if not finished and self.textCursor().hasSelection() and text.startswith(self._shown[0]):
            return
        bar = self.verticalScrollBar()
        position, follows = bar.value(), bar.value() >= bar.maximum() - 4
        limit = MAX_MARKDOWN if finished else MAX_STREAMED_MARKDOWN
        if len(text) <= limit:
            self.document().setMarkdown(text, _FEATURES)
            self._plain_length = None
            self._format_blocks()
        elif self._plain_length is None or not text.startswith(self._shown[0]):
            self.setPlainText(text)
            self._plain_length = len(text)
        else:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[self._plain_length :])
            self._plain_length = len(text)
        self._shown = (text, finished)
        if not self._grows:
            bar.setValue(
                bar.maximum() if follows and not finished else min(position, bar.maximum())
            )

    def loadResource(self, _kind: int, _name: QUrl | str) -> Any:
        """Load nothing: an answer must not read files or URLs."""
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

    def _format_blocks(self) -> None:
        """Reduce headings to one size, shade code and remove the margins in table cells."""
        code = QTextBlockFormat()
        code.setBackground(self.palette().color(QPalette.ColorRole.Midlight))
        cell = QTextBlockFormat()
        cell.setTopMargin(0)
        cell.setBottomMargin(0)
        heading = QTextCharFormat()
        heading.setProperty(QTextFormat.Property.FontSizeAdjustment, 1)
        block = self.document().begin()
        while block.isValid():
            block_format = block.blockFormat()
            cursor = QTextCursor(block)
            if block_format.headingLevel():
                cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                cursor.mergeCharFormat(heading)
            elif block_format.hasProperty(
                QTextFormat.Property.BlockCodeFence
            ) or block_format.hasProperty(QTextFormat.Property.BlockCodeLanguage):
                cursor.mergeBlockFormat(code)
            elif cursor.currentTable() is not None:
                cursor.mergeBlockFormat(cell)
            block = block.next()

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

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._grows and not event.modifiers():
            event.ignore()
        else:
            super().wheelEvent(event)


def _open_link(link: QUrl) -> None:
    if link.scheme() in ("http", "https"):
        QDesktopServices.openUrl(link)
