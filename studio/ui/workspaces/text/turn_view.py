"""One turn of the conversation: the prompt and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from studio.kinds.sources import Source
from studio.library.review import review_state
from studio.ui.gallery.references import referenced_text
from studio.ui.gallery.review_states import marked_text
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label
from studio.ui.workspaces.text.answer_card import AnswerCard
from studio.ui.workspaces.text.answers import AnswerCards
from studio.ui.workspaces.text.conversation import Turn
from studio.ui.workspaces.text.message_bubble import MessageBubble
from studio.ui.workspaces.text.version_switch import VersionSwitch
from studio.writing.facts.compare import FactCheck

COLUMN_WIDTH = 784
"""Pixels of a line that is comfortable to read."""

CARDS_WIDTH = 4 * 320
"""Pixels of the variations side by side at most."""


class TurnView(QWidget):
    """Shows a `Turn`; call `refresh` after changing it."""

    edit_requested = cast("TypedSignal[Turn]", Signal(object))
    regenerate_requested = cast("TypedSignal[Turn]", Signal(object))
    chosen = cast("TypedSignal[Turn]", Signal(object))
    continue_requested = Signal(object, int)
    """A turn, and the index of the answer to continue."""
    word_requested = Signal(object, int, str, object)
    """A turn, the index of an answer, its text before a word, and where the word is shown."""
    branch_requested = cast("TypedSignal[Turn]", Signal(object))
    version_picked = cast("TypedSignal[Turn]", Signal(object))
    again_requested = Signal(object, int)
    """A turn that a form made, and the index of an answer with findings."""
    review_requested = Signal(object, int)
    """A turn, and the index of the answer on which a person decides."""
    edit_answer_requested = Signal(object, int)
    """A turn, and the index of the answer whose text is to be edited."""
    passage_requested = Signal(object, int, int)
    """A turn, the index of an answer, and the number of a passage that it rests on."""
    send_requested = Signal(str, str)
    """The kind whose tab takes the text, and the text."""

    def __init__(self, turn: Turn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.turn = turn
        self.running = False
        self.waiting = ""
        self.checks: dict[str, FactCheck] = {}
        """What was found in the answers, by their assets."""
        self.sources: dict[str, tuple[Source, ...]] = {}
        """The documents that the answers were made from, by their assets."""
        self.reviews: dict[str, str] = {}
        """The states of review of the answers, by their assets."""
        self.sent_sources: tuple[Source, ...] = ()
        """The documents that were sent with the prompt, for an answer that never came."""
        self.looked_up: set[str] = set()
        """The assets whose sources were asked for."""
        self.finished = {n for n, answer in enumerate(turn.answers) if answer.asset}
        self._is_last = False
        self._versions: Sequence[Turn] = (turn,)
        self._collapsed = len(turn.answers) > 1
        self._single: AnswerCard | None = None
        self._cards: AnswerCards | None = None
        self._expand_button: QPushButton | None = None
        self._column = QVBoxLayout()
        self._column.setSpacing(GRID)
        self._wide = QVBoxLayout()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, GRID)
        rows.setSpacing(GRID)
        rows.addLayout(self._column)
        rows.addLayout(self._wide)
        self._bubble = MessageBubble(turn.prompt, self)
        bubble = QHBoxLayout()
        bubble.addStretch(1)
        bubble.addWidget(self._bubble)
        self._column.addLayout(bubble)
        self._column.addLayout(self._prompt_buttons())
        if turn.unanswered:
            note = plain_label(
                self.tr(
                    "Sent before the answer above was finished, so it was not taken into account."
                ),
                self,
            )
            note.setWordWrap(True)
            mute(note)
            self._column.addWidget(note)
        self._fit_width()

    def set_last(self, last: bool) -> None:
        """Set whether this is the last turn, the only one that can be regenerated."""
        self._is_last = last
        self.refresh()

    def show_versions(self, versions: Sequence[Turn]) -> None:
        """Offer the versions of the message, of which this turn is one."""
        self._versions = versions
        place = next((n for n, turn in enumerate(versions) if turn is self.turn), 0)
        self.versions.show_version(place, len(versions))

    def set_running(self, running: bool, waiting: str = "") -> None:
        """Set whether a job of this turn waits or runs; `waiting` is shown until there is text."""
        self.running = running
        self.waiting = waiting
        if running:
            self._collapsed = False
        self.refresh()

    def set_expanded(self, expanded: bool) -> None:
        """Show all variations side by side, or only the chosen one."""
        self._collapsed = not expanded
        self.refresh()

    def refresh(self) -> None:
        """Update the view from the turn."""
        several = len(self.turn.answers) > 1
        if several and not self._collapsed:
            self._show_cards()
        elif self.turn.answers:
            self._show_single(several)

    def _prompt_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addStretch(1)
        self.versions = VersionSwitch(
            self.tr("Earlier version of this message"),
            self.tr("Later version of this message"),
            self,
        )
        self.versions.picked.connect(lambda n: self.version_picked.emit(self._versions[n]))
        row.addWidget(self.versions)
        for name, text, act in (
            ("pencil", self.tr("Edit and send again"), self._edit),
            ("git-branch", self.tr("Go on from here in a new conversation"), self._branch),
            ("copy", self.tr("Copy this message"), self._copy_message),
        ):
            button = tool_button(name, text, parent=self)
            button.setIcon(icon(name, "muted"))
            button.clicked.connect(act)
            row.addWidget(button)
        return row

    def _ask_for_words(self, index: int, start: str, place: object) -> None:
        self.word_requested.emit(self.turn, index, start, place)

    def _ask_for_passage(self, index: int, number: int) -> None:
        self.passage_requested.emit(self.turn, index, number)

    def _edit(self) -> None:
        self.edit_requested.emit(self.turn)

    def _branch(self) -> None:
        self.branch_requested.emit(self.turn)

    def _copy_message(self) -> None:
        QGuiApplication.clipboard().setText(self.turn.prompt)

    def _show_single(self, several: bool) -> None:
        if self._cards is not None:
            self._wide.removeWidget(self._cards)
            self._cards.hide()
            self._cards.deleteLater()
            self._cards = None
        if self._single is None:
            self._single = AnswerCard(is_variation=False, parent=self)
            self._single.copy_clicked.connect(self._copy)
            self._single.send_clicked.connect(self._send)
            self._single.edit_clicked.connect(self._edit_answer)
            self._single.review_clicked.connect(self._decide)
            self._single.regenerate_clicked.connect(
                lambda: self.regenerate_requested.emit(self.turn)
            )
            self._single.continue_clicked.connect(self._continue)
            self._single.word_clicked.connect(self._ask_for_words)
            self._single.again_clicked.connect(self._write_again)
            self._single.passage_clicked.connect(self._ask_for_passage)
            self._single.switch.picked.connect(self._use)
            self._column.addWidget(self._single)
        index = min(self.turn.chosen, len(self.turn.answers) - 1)
        self._single.index = index
        self._single.review = self.review_of(index)
        self._single.sources = self.sources.get(self.turn.answers[index].asset, ())
        self._single.show_answer(
            self.turn.answers[index],
            "",
            not self.running or index in self.finished,
            self.waiting if self.running else self.tr("No answer."),
            is_of_form=bool(self.turn.form),
        )
        found = self.checks.get(self.turn.answers[index].asset)
        self._single.show_check(found, not self.running, self._single.review)
        self._single.switch.show_version(index, len(self.turn.answers))
        self._single.regenerate.setVisible(self._is_last and not self.running)
        self._update_expand_button(several)

    def _show_cards(self) -> None:
        if self._single is not None:
            self._column.removeWidget(self._single)
            self._single.hide()
            self._single.deleteLater()
            self._single = None
        if self._cards is None:
            self._cards = AnswerCards(self)
            self._cards.copy_clicked.connect(self._copy)
            self._cards.send_clicked.connect(self._send)
            self._cards.edit_clicked.connect(self._edit_answer)
            self._cards.review_clicked.connect(self._decide)
            self._cards.use_clicked.connect(self._use)
            self._cards.continue_clicked.connect(self._continue)
            self._cards.again_clicked.connect(self._write_again)
            self._cards.passage_clicked.connect(self._ask_for_passage)
            self._wide.insertWidget(0, self._cards)
        self._cards.sources = self.sources
        self._cards.reviews = self.reviews
        self._cards.show_turn(
            self.turn,
            self.finished,
            not self.running,
            self.waiting if self.running else self.tr("No answer."),
            self.checks,
        )
        self._update_expand_button(not self.running)

    def _update_expand_button(self, visible: bool) -> None:
        if visible and self._expand_button is None:
            self._expand_button = QPushButton(self)
            self._expand_button.setFlat(True)
            self._expand_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            self._expand_button.clicked.connect(lambda: self.set_expanded(self._collapsed))
        if self._expand_button is None:
            return
        self._expand_button.setVisible(visible)
        self._expand_button.setIcon(icon("chevron-right" if self._collapsed else "chevron-down"))
        self._expand_button.setText(
            self.tr("Show all {n} variations").format(n=len(self.turn.answers))
            if self._collapsed
            else self.tr("Show only the selected one")
        )
        (self._column if self._collapsed else self._wide).addWidget(self._expand_button)

    def _use(self, index: int) -> None:
        self.turn.chosen = index
        self.refresh()
        self.chosen.emit(self.turn)

    def _write_again(self, index: int) -> None:
        self.again_requested.emit(self.turn, index)

    def _decide(self, index: int) -> None:
        self.review_requested.emit(self.turn, index)

    def _edit_answer(self, index: int) -> None:
        self.edit_answer_requested.emit(self.turn, index)

    def _continue(self, index: int) -> None:
        self.continue_requested.emit(self.turn, index)

    def _copy(self, index: int) -> None:
        sources = self.sources.get(self.turn.answers[index].asset, ())
        answer = referenced_text(self.turn.shown_text(index), sources)
        text = marked_text(answer, self.review_of(index))
        QGuiApplication.clipboard().setText(text)

    def review_of(self, index: int) -> str:
        """Return the state of review of an answer."""
        asset = self.turn.answers[index].asset
        return self.reviews.get(asset, review_state(None, self.turn.form))

    def _send(self, index: int, task: str) -> None:
        self.send_requested.emit(task, self.turn.shown_text(index))

    def _fit_width(self) -> None:
        side = max(0, (self.width() - COLUMN_WIDTH) // 2)
        self._column.setContentsMargins(side, 0, side, 0)
        wide = max(0, (self.width() - CARDS_WIDTH) // 2)
        self._wide.setContentsMargins(wide, 0, wide, 0)
        self._bubble.fit(min(self.width(), COLUMN_WIDTH))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_width()
