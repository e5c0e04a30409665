"""One turn of the conversation: the prompt and its answers."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.formats.chat.thoughts import without_thoughts
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.shortened import shortened
from studio.ui.workspaces.text.answers import AnswerCard, AnswerColumns
from studio.ui.workspaces.text.conversation import Turn

MAX_PROMPT_SHOWN = 600
"""Characters above which a prompt is truncated until it is expanded."""

MAX_LINES_SHOWN = 20
"""Lines above which it is truncated."""

MIN_COLUMN_HEIGHT = 18 * GRID
"""Pixels; columns grow with their answers up to the height of the viewport."""


class TurnView(QWidget):
    """Shows a `Turn`; call `refresh` after changing it."""

    edit_requested = cast("TypedSignal[Turn]", Signal(object))
    regenerate_requested = cast("TypedSignal[Turn]", Signal(object))
    chosen = cast("TypedSignal[Turn]", Signal(object))
    continue_requested = Signal(object, int)
    """A turn, and the index of the answer to continue."""

    def __init__(self, turn: Turn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.turn = turn
        self.running = False
        self.waiting = ""
        self.finished: set[int] = set()
        self._is_last = False
        self._collapsed = len(turn.answers) > 1
        self._max_column_height = 2 * MIN_COLUMN_HEIGHT
        self._single: AnswerCard | None = None
        self._columns: AnswerColumns | None = None
        self._expand_button: QPushButton | None = None
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, GRID)
        self._rows.setSpacing(GRID)
        self._rows.addWidget(self._prompt_card())
        if turn.unanswered:
            note = plain_label(
                self.tr(
                    "Sent before the answer above was finished, so it was not taken into account."
                ),
                self,
            )
            note.setWordWrap(True)
            mute(note)
            self._rows.addWidget(note)

    def set_last(self, last: bool) -> None:
        """Set whether this is the last turn, the only one that can be regenerated."""
        self._is_last = last
        self.refresh()

    def set_running(self, running: bool, waiting: str = "") -> None:
        """Set whether a job of this turn waits or runs; `waiting` is shown until there is text."""
        self.running = running
        self.waiting = waiting
        if running:
            self._collapsed = False
        self.refresh()

    def set_max_column_height(self, height: int) -> None:
        """Set the maximum height of the columns in pixels."""
        self._max_column_height = max(MIN_COLUMN_HEIGHT, height)
        if self._columns is not None:
            self._fit_columns()

    def set_expanded(self, expanded: bool) -> None:
        """Show all variations side by side, or only the chosen one."""
        self._collapsed = not expanded
        self.refresh()

    def refresh(self) -> None:
        """Update the view from the turn."""
        several = len(self.turn.answers) > 1
        if several and not self._collapsed:
            self._show_columns()
        elif self.turn.answers:
            self._show_single(several)

    def _prompt_card(self) -> QFrame:
        card = QFrame(self)
        card.setAutoFillBackground(True)
        card.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        text = self.turn.prompt
        lines = text[: MAX_PROMPT_SHOWN + 1].split("\n")[:MAX_LINES_SHOWN]
        short = shortened("\n".join(lines), MAX_PROMPT_SHOWN)
        label = plain_label(short, card)
        label.setWordWrap(True)
        label.setAccessibleName(self.tr("Your message"))
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        label.setSizePolicy(policy)
        edit = tool_button("pencil", self.tr("Edit and send again"), parent=card)
        edit.clicked.connect(lambda: self.edit_requested.emit(self.turn))
        copy = tool_button("copy", self.tr("Copy this message"), parent=card)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(label, 1)
        for button in (edit, copy):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(GRID + GRID // 2, GRID // 2, GRID, GRID // 2)
        layout.addLayout(row)
        if short != text:
            more = QPushButton(self.tr("Show all {n} characters").format(n=f"{len(text):,}"), card)
            more.clicked.connect(lambda: self._show_full_prompt(layout, label, more))
            layout.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _show_full_prompt(self, layout: QVBoxLayout, label: QLabel, more: QPushButton) -> None:
        label.hide()
        more.hide()
        full_prompt = PromptEdit("", "")
        full_prompt.setReadOnly(True)
        full_prompt.setPlainText(self.turn.prompt)
        full_prompt.setAccessibleName(self.tr("Your message"))
        full_prompt.setFixedHeight(MIN_COLUMN_HEIGHT)
        layout.addWidget(full_prompt)

    def _show_single(self, several: bool) -> None:
        if self._columns is not None:
            self._rows.removeWidget(self._columns)
            self._columns.deleteLater()
            self._columns = None
        if self._single is None:
            self._single = AnswerCard(grows=True, parent=self)
            self._single.copy_clicked.connect(self._copy)
            self._single.regenerate_clicked.connect(
                lambda: self.regenerate_requested.emit(self.turn)
            )
            self._single.continue_clicked.connect(self._continue)
            self._rows.addWidget(self._single)
        index = min(self.turn.chosen, len(self.turn.answers) - 1)
        self._single.index = index
        heading = (
            self.tr("Variation {n} of {total}").format(n=index + 1, total=len(self.turn.answers))
            if several
            else self.tr("Answer")
        )
        self._single.show_answer(
            self.turn.answers[index],
            heading,
            not self.running or index in self.finished,
            self.waiting if self.running else self.tr("No answer."),
        )
        self._single.regenerate.setVisible(self._is_last and not self.running)
        self._update_expand_button(several)

    def _show_columns(self) -> None:
        if self._single is not None:
            self._rows.removeWidget(self._single)
            self._single.deleteLater()
            self._single = None
        if self._columns is None:
            self._columns = AnswerColumns(self)
            self._columns.copy_clicked.connect(self._copy)
            self._columns.use_clicked.connect(self._use)
            self._columns.continue_clicked.connect(self._continue)
            self._rows.addWidget(self._columns)
        self._columns.show_turn(
            self.turn,
            self.finished,
            not self.running,
            self.waiting if self.running else self.tr("No answer."),
        )
        self._fit_columns()
        self._update_expand_button(not self.running)

    def _fit_columns(self) -> None:
        assert self._columns is not None
        height = max(self._columns.minimumHeight(), self._columns.preferred_height())
        self._columns.setFixedHeight(max(MIN_COLUMN_HEIGHT, min(height, self._max_column_height)))

    def _update_expand_button(self, visible: bool) -> None:
        if visible and self._expand_button is None:
            self._expand_button = QPushButton(self)
            self._expand_button.setFlat(True)
            self._expand_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            self._expand_button.clicked.connect(lambda: self.set_expanded(self._collapsed))
        if self._expand_button is not None:
            self._expand_button.setVisible(visible)
            self._expand_button.setIcon(
                icon("chevron-right" if self._collapsed else "chevron-down")
            )
            self._expand_button.setText(
                self.tr("Show all {n} variations").format(n=len(self.turn.answers))
                if self._collapsed
                else self.tr("Show only the one in use")
            )
            self._rows.removeWidget(self._expand_button)
            self._rows.addWidget(self._expand_button)

    def _use(self, index: int) -> None:
        self.turn.chosen = index
        self.refresh()
        self.chosen.emit(self.turn)

    def _continue(self, index: int) -> None:
        self.continue_requested.emit(self.turn, index)

    def _copy(self, index: int) -> None:
        QGuiApplication.clipboard().setText(without_thoughts(self.turn.answers[index].text))
