"""The side of the Text tab: the list of conversations and what is done with them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.kinds.sources import sources_of
from studio.ui.shell.state import AppState
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.open_path import open_path
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation import Conversation
from studio.ui.workspaces.text.conversation_files import Entry
from studio.ui.workspaces.text.conversation_head import ConversationHead
from studio.ui.workspaces.text.conversation_list import ConversationList


class ConversationSide(QObject):
    """Connects the list (`panel`) with the chat and the files."""

    def __init__(
        self, state: AppState, chat: Chat, head: ConversationHead, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._parent = parent
        self._chat = chat
        self._keeper = chat.keeper
        self.panel = ConversationList(parent)
        self.panel.opened.connect(chat.open)
        self.panel.renamed.connect(self._keeper.rename)
        self.panel.delete_requested.connect(self.delete)
        self.panel.search_requested.connect(self._search)
        self._keeper.entries_changed.connect(self._show)
        chat.changed.connect(self._show_current)
        head.rename_requested.connect(self._rename_shown)
        head.export_requested.connect(self._ask_for_export)
        head.delete_requested.connect(self._delete_shown)
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

    def _shown_entry(self) -> Entry | None:
        """Return the entry of the conversation that is shown; it may not have one yet."""
        shown = self._chat.conversation
        return next((entry for entry in self._keeper.entries if entry.id == shown.id), None)

    def _delete_shown(self) -> None:
        self._keeper.save_all()
        entry = self._shown_entry()
        if entry is None:
            self._chat.replace(Conversation(), "")
        else:
            self.delete(entry)

    def _rename_shown(self) -> None:
        from studio.ui.gallery.name_dialog import NameDialog

        conversation = self._chat.conversation
        dialog = NameDialog(
            "text.rename",
            self.tr("Rename the conversation"),
            self.tr("Title"),
            conversation.shown_title(),
            self._parent.window(),
        )
        dialog.submitted.connect(lambda title: self._chat.rename(conversation, title))
        show_dialog(dialog)

    def _ask_for_export(self) -> None:
        from studio.ui.workspaces.text.export.export_dialog import ask_for_file

        conversation = self._chat.conversation
        ask_for_file(
            self.tr("Export the conversation"),
            conversation.shown_title(),
            self._parent,
            lambda path: self.export(conversation, path),
        )

    def export(self, conversation: Conversation, path: Path) -> None:
        """Write a conversation into a file, and say where it is."""
        from studio.ui.workspaces.text.conversation_export import export
        from studio.ui.workspaces.text.export.marks import marks_of

        # A review is of single answers, and stands beside them.
        said = conversation.turns[-1].prompt if conversation.turns else ""
        marks = marks_of(self._state.settings, conversation.id, said, "", None)
        # The original may change meanwhile.
        copy = conversation.copy_until(len(conversation.turns) - 1)
        copy.title = conversation.title

        def done(_: None) -> None:
            self._state.show_message(
                self.tr("The conversation was exported to {path}.").format(path=path),
                "success",
                self.tr("Open folder"),
                lambda: open_path(path.parent, self._state.show_message),
            )

        library = self._state.library

        def write() -> None:
            ids = [each.asset for turn in copy.turns for each in turn.answers if each.asset]
            reviews = library.assets.review_states(ids) if library is not None else {}
            answers = [turn.answers[turn.chosen] for turn in copy.turns if turn.answers]
            found = [library.assets.get(each.asset) for each in answers if library is not None]
            sources = {a.id: sources_of(a.recipe.request) for a in found if a is not None}
            export(copy, path, marks, reviews, sources)

        self._state.background.long(self, write, done, self._state.problem.emit)

    def _search(self, words: str) -> None:
        self._keeper.search(words, lambda found: self.panel.show_found(words, found))

    def _show(self) -> None:
        self._current = self._chat.conversation.id
        self.panel.show_entries(self._keeper.entries, self._current)

    def _show_current(self) -> None:
        if self._chat.conversation.id != self._current:
            self._show()
