"""The line above the conversation: the list, the title, a new one, and a menu."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import StatusLine


class ConversationHead(QWidget):
    """Object names: `text.list`, `text.new`, `text.menu`."""

    rename_requested = Signal()
    export_requested = Signal()
    delete_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list_button = tool_button("panel-left", self.tr("Conversations"), "text.list", self)
        self._title = StatusLine(self)
        emphasise(self._title)
        self.new = QPushButton(icon("message-square-plus"), self.tr("New conversation"), self)
        self.new.setObjectName("text.new")
        self.new.setAccessibleName(self.new.text())
        self.new.setEnabled(False)
        self.menu_button = tool_button(
            "ellipsis", self.tr("More about this conversation"), "text.menu", self
        )
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setEnabled(False)
        menu = QMenu(self.menu_button)
        menu.addAction(icon("pencil"), self.tr("Rename"), self.rename_requested.emit)
        menu.addAction(icon("download"), self.tr("Export…"), self.export_requested.emit)
        menu.addSeparator()
        menu.addAction(icon("trash-2"), self.tr("Delete"), self.delete_requested.emit)
        self.menu_button.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.list_button)
        row.addWidget(self._title, 1)
        row.addWidget(self.new)
        row.addWidget(self.menu_button)

    def show_conversation(self, title: str, is_empty: bool) -> None:
        """Show the title; an empty conversation is a new one already."""
        self._title.set_text(title)
        for button in (self.new, self.menu_button):
            button.setEnabled(not is_empty)
