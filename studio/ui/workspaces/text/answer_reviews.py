"""The states of review of the answers that are shown, as the library knows them."""

from __future__ import annotations

from PySide6.QtCore import QObject

from studio.library.review import review_state
from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation_view import ConversationView


class AnswerReviews(QObject):
    """Looks them up when answers come, and when anything in the library changes."""

    def __init__(self, state: AppState, view: ConversationView, chat: Chat) -> None:
        super().__init__(view)
        self._state = state
        self._view = view
        self._chat = chat
        chat.changed.connect(self._look_up)
        view.built.connect(self._look_up)
        state.assets_changed.connect(self._look_up)

    def _look_up(self, *_: object) -> None:
        library, turns = self._state.library, self._chat.conversation.turns
        ids = [each.asset for turn in turns for each in turn.answers if each.asset]
        if library is None or not ids:
            return
        self._state.background.read(
            self, lambda: library.assets.review_states(ids), self._show, lambda _: None
        )

    def _show(self, states: dict[str, str]) -> None:
        for turn in self._chat.conversation.turns:
            view = self._view.view_of(turn)
            if view is None:
                continue
            ids = [each.asset for each in turn.answers if each.asset in states]
            before = [view.reviews.get(id, review_state(None, turn.form)) for id in ids]
            view.reviews.update({id: states[id] for id in ids})
            if before != [states[id] for id in ids]:
                view.refresh()
