"""The side of the Text tab: the list of conversations and what is done with them."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation import Conversation
from studio.ui.workspaces.text.conversation_files import Entry
from studio.ui.workspaces.text.conversation_list import ConversationList


class ConversationSide(QObject):
    """Connects the list (`panel`) with the chat and the files."""

    def __init__(self, state: AppState, chat: Chat, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._chat = chat
        self._keeper = chat.keeper
        self.panel = ConversationList(parent)
        self.panel.opened.connect(chat.open)
        self.panel.renamed.connect(self._keeper.rename)
        self.panel.delete_requested.connect(self.delete)
        self.panel.search_requested.connect(self._search)
        self._keeper.entries_changed.connect(self._show)
        chat.changed.connect(self._show_current)
        self._current = ""
        self._show()

    def delete(self, entry: Entry) -> None:
        """Delete a conversation; the message bar offers to take it back."""
        is_shown = entry.id == self._chat.conversation.id

        def undo() -> None:
            self._keeper.undelete(entry)
            if is_shown and not self._chat.conversation.turns:
                self._chat.open(entry.id)

        def deleted() -> None:
            self._state.show_message(
                self.tr("The conversation was deleted."), "info", self.tr("Undo"), undo
            )

        self._keeper.delete(entry.id, deleted)
        if is_shown:
            self._chat.replace(Conversation(), "")

    def _search(self, words: str) -> None:
        self._keeper.search(words, lambda found: self.panel.show_found(words, found))

    def _show(self) -> None:
        self._current = self._chat.conversation.id
        self.panel.show_entries(self._keeper.entries, self._current)

    def _show_current(self) -> None:
        if self._chat.conversation.id != self._current:
            self._show()
