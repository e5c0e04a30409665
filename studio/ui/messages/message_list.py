"""The list of earlier messages, with their details for a bug report."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from studio.ui.messages.shown_message import ICONS, ShownMessage
from studio.ui.style.icons import icon
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import breakable, one_line


class MessageList(QDialog):
    """Newest first; selecting a message shows its detail, which can be copied."""

    def __init__(self, messages: Sequence[ShownMessage], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messages.dialog")
        self.setWindowTitle(self.tr("Messages"))
        self.resize(640, 420)
        self._messages = list(reversed(messages))
        self.list = QListWidget(self)
        self.list.setAccessibleName(self.tr("Earlier messages"))
        self.list.setWordWrap(True)
        for message in self._messages:
            when = message.when.strftime("%H:%M:%S")
            QListWidgetItem(
                icon(ICONS[message.kind]),
                f"{when}  {breakable(one_line(message.line, 500))}",
                self.list,
            )
        self.detail = QPlainTextEdit(self)
        break_long_words(self.detail)
        self.detail.setReadOnly(True)
        self.detail.setAccessibleName(self.tr("Detail"))
        self.detail.setPlaceholderText(
            self.tr("Select a message to see its details.")
            if messages
            else self.tr("There are no messages yet.")
        )
        self.list.currentRowChanged.connect(self._show)
        split = QSplitter(self)
        split.setOrientation(split.orientation().Vertical)
        split.addWidget(self.list)
        split.addWidget(self.detail)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        buttons = QDialogButtonBox(self)
        copy = buttons.addButton(self.tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        copy.clicked.connect(self._copy)
        close.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(split)
        layout.addWidget(buttons)
        if self._messages:
            self.list.setCurrentRow(0)

    def _show(self, row: int) -> None:
        if 0 <= row < len(self._messages):
            message = self._messages[row]
            self.detail.setPlainText(
                f"{message.text}\n\n{message.detail}" if message.detail else message.text
            )

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.detail.toPlainText())
