"""The states of review of the answers that are shown, as the library knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from studio.library.review import review_state
from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation import Turn
from studio.ui.workspaces.text.conversation_view import ConversationView

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.gallery.result_actions import ResultActions


class AnswerReviews(QObject):
    """Looks them up when answers come, and when anything in the library changes."""

    def __init__(self, state: AppState, view: ConversationView, chat: Chat) -> None:
        super().__init__(view)
        self._state = state
        self._view = view
        self._chat = chat
        self._actions: ResultActions | None = None
        chat.changed.connect(self._look_up)
        view.built.connect(self._look_up)
        view.review_requested.connect(self._decide)
        state.assets_changed.connect(self._look_up)

    def _look_up(self, *_: object) -> None:
        library, turns = self._state.library, self._chat.conversation.turns
        ids = [each.asset for turn in turns for each in turn.answers if each.asset]
        if library is None or not ids:
            return
        self._state.background.read(
            self, lambda: library.assets.review_states(ids), self._show, lambda _: None
        )

    def _decide(self, turn: Turn, index: int) -> None:
        """Let the person decide on an answer."""
        library, id = self._state.library, turn.answers[index].asset
        if library is None:
            return

        def ask(asset: Asset | None) -> None:
            from studio.ui.gallery.result_actions import ResultActions

            if asset is not None:
                if self._actions is None:
                    self._actions = ResultActions(self._state, self._view, self)
                self._actions.do("review", [asset])

        self._state.background.read(
            self, lambda: library.assets.get(id), ask, self._state.problem.emit
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
