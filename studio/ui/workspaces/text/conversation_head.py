"""The line above the conversation: the list, the title, a new one, and a menu."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel


class ConversationHead(QWidget):
    """Object names: `text.list`, `text.new`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list_button = tool_button("panel-left", self.tr("Conversations"), "text.list", self)
        self._title = ElidedLabel("", self)
        emphasise(self._title)
        self.new = QPushButton(icon("message-square-plus"), self.tr("New conversation"), self)
        self.new.setObjectName("text.new")
        self.new.setAccessibleName(self.new.text())
        self.new.setEnabled(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.list_button)
        row.addWidget(self._title, 1)
        row.addWidget(self.new)

    def show_conversation(self, title: str, is_empty: bool) -> None:
        """Show the title; an empty conversation is a new one already."""
        self._title.set_text(title)
        self.new.setEnabled(not is_empty)
