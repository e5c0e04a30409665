"""The menu with other words that could stand at a place of an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QMenu, QWidget

from studio.kinds.text import TextRequest
from studio.protocol import Alternative, AlternativesListed
from studio.ui.shell.reports import AlternativesFound
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import menu_text
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation import Turn
from studio.ui.workspaces.text.conversation_view import ConversationView

_LONGEST = 40
"""Characters of an entry."""


class AlternativesMenu(QMenu):
    """Asks the engine for the likeliest next words, and lists them with their probabilities.

    Object name: `text.alternatives`.
    """

    picked = cast("TypedSignal[str]", Signal(str))
    """The start of the answer to go on from: what was before, and the chosen word."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._place = QPoint()
        self._token = 0
        self.setObjectName("text.alternatives")
        self.setToolTipsVisible(True)
        state.reports.alternatives_found.connect(self._found)

    def ask(self, request: TextRequest, place: QPoint) -> None:
        """Show what could come after the start of the answer in `request`."""
        self.clear()
        waits = self._state.worker.running_jobs
        self._note(
            self.tr("Waiting for the running job…") if waits else self.tr("Asking the model…")
        )
        self._token = self._state.worker.list_alternatives(request)
        self._place = place
        self.popup(place)

    def _found(self, report: AlternativesFound) -> None:
        if report.token != self._token or not self.isVisible():
            return
        self.clear()
        if report.problem is not None:
            self._note(translated(report.problem.message))
        elif report.listed is None or not report.listed.alternatives:
            self._note(self.tr("There is no other word."))
        else:
            self._note(self.tr("Go on with another word"))
            self.addSeparator()
            for alternative in report.listed.alternatives:
                self._add(report.listed, alternative)
        self.popup(self._place)

    def _note(self, text: str) -> None:
        self.addAction(menu_text(text, 2 * _LONGEST)).setEnabled(False)

    def _add(self, listed: AlternativesListed, alternative: Alternative) -> None:
        shown = alternative.text.strip().replace("\n", "⏎") or "␣"
        if alternative.text.strip(" ").startswith("\n"):
            shown = "⏎"
        if alternative.ends:
            shown = self.tr("(the answer ends)")
        percent = f"{100 * alternative.probability:.1f} %"
        action = self.addAction(f"{menu_text(shown, _LONGEST)}\t{percent}")
        action.setEnabled(not alternative.ends)
        start = listed.start + alternative.text
        action.triggered.connect(lambda: self.picked.emit(start))


class WordChoices(QObject):
    """Offers other words for a word of an answer, and writes on from the one that is picked."""

    def __init__(
        self,
        state: AppState,
        view: ConversationView,
        chat: Chat,
        make_request: Callable[[str], TextRequest],
    ) -> None:
        super().__init__(view)
        self._state = state
        self._view = view
        self._chat = chat
        self._make_request = make_request
        self._menu: AlternativesMenu | None = None
        view.word_requested.connect(self._ask)

    def _ask(self, turn: Turn, index: int, start: str, place: QPoint) -> None:
        request = self._chat.request_from(turn, start, self._make_request(turn.prompt))
        if request is None:
            return
        if self._menu is not None:
            self._menu.deleteLater()
        self._menu = AlternativesMenu(self._state, self._view)
        self._menu.picked.connect(
            lambda chosen: self._chat.branch_answer(
                turn, index, chosen, self._make_request(turn.prompt)
            )
        )
        self._menu.ask(request, place)
