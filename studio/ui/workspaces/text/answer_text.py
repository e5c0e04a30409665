"""One answer on show: plain while a long one streams, markdown otherwise."""

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

LIVE_MARKDOWN = 4000
"""Characters up to which a streaming answer is shown as markdown; longer ones wait for the end."""

LONGEST_MARKDOWN = 60_000
"""Characters above which an answer stays plain: laying it out would hold up the window."""

_FEATURES = (
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub
    | QTextDocument.MarkdownFeature.MarkdownNoHTML
)


class AnswerText(QTextBrowser):
    """Read-only text. `grows` makes it as high as its text; otherwise it scrolls by itself."""

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
            self.document().documentLayout().documentSizeChanged.connect(self._fit)

    def show_answer(self, text: str, finished: bool) -> None:
        """Show a text that has grown (or another one); `finished` renders it for good."""
        if self._shown == (text, finished):
            return
        # A new rendering would drop the selection; the last one waits for nobody.
        if not finished and self.textCursor().hasSelection() and text.startswith(self._shown[0]):
            return
        bar = self.verticalScrollBar()
        place, follows = bar.value(), bar.value() >= bar.maximum() - 4
        limit = LONGEST_MARKDOWN if finished else LIVE_MARKDOWN
        if len(text) <= limit:
            self.document().setMarkdown(text, _FEATURES)
            self._plain_length = None
            self._tidy()
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
            bar.setValue(bar.maximum() if follows and not finished else min(place, bar.maximum()))

    def loadResource(self, _kind: int, _name: QUrl | str) -> Any:
        """A model's answer loads nothing, from the disk or from anywhere."""
        return None

    def sizeHint(self) -> QSize:
        if self._grows:
            return QSize(super().sizeHint().width(), self._height())
        return super().sizeHint()

    def _height(self) -> int:
        bar = self.horizontalScrollBar()
        extra = bar.sizeHint().height() if bar.maximum() > 0 else 0
        return int(self.document().size().height()) + 2 + extra

    def _fit(self) -> None:
        height = max(self._height(), self.fontMetrics().height())
        if height != self.height():
            self.setFixedHeight(height)

    def _tidy(self) -> None:
        """Two sizes of text, shaded code, and tables without Qt's stray margins."""
        code = QTextBlockFormat()
        code.setBackground(self.palette().color(QPalette.ColorRole.Midlight))
        cell = QTextBlockFormat()
        cell.setTopMargin(0)
        cell.setBottomMargin(0)
        heading = QTextCharFormat()
        heading.setProperty(QTextFormat.Property.FontSizeAdjustment, 1)
        block = self.document().begin()
        while block.isValid():
            form = block.blockFormat()
            cursor = QTextCursor(block)
            if form.headingLevel():
                cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                cursor.mergeCharFormat(heading)
            elif form.hasProperty(QTextFormat.Property.BlockCodeFence) or form.hasProperty(
                QTextFormat.Property.BlockCodeLanguage
            ):
                cursor.mergeBlockFormat(code)
            elif cursor.currentTable() is not None:
                cursor.mergeBlockFormat(cell)
            block = block.next()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._grows:
            self._fit()

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
