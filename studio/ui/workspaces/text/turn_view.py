"""One turn of the conversation: what was asked, and its answers."""

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

from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.typed_signal import Carries
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.shortened import shortened
from studio.ui.workspaces.text.answers import AnswerCard, AnswerColumns
from studio.ui.workspaces.text.conversation import Turn

SHORT_PROMPT = 600
"""Characters of a prompt that are shown at once."""

LEAST_COLUMN_HEIGHT = 18 * GRID
"""Pixels; columns grow with their answers, up to what is seen of the conversation."""


class TurnView(QWidget):
    """Shows a `Turn`; call `refresh` when the turn has changed."""

    edit_wanted = cast("Carries[Turn]", Signal(object))
    again_wanted = cast("Carries[Turn]", Signal(object))
    chosen = cast("Carries[Turn]", Signal(object))

    def __init__(self, turn: Turn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.turn = turn
        self.running = False
        self.waiting = ""
        self.finished: set[int] = set()
        self._is_last = False
        self._folded = len(turn.answers) > 1
        self._height = 2 * LEAST_COLUMN_HEIGHT
        self._single: AnswerCard | None = None
        self._columns: AnswerColumns | None = None
        self._fold: QPushButton | None = None
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, GRID)
        self._rows.setSpacing(GRID)
        self._rows.addWidget(self._prompt_card())
        if turn.unanswered:
            note = QLabel(
                self.tr(
                    "Sent before the answer above was there, so it was not taken into account."
                ),
                self,
            )
            note.setWordWrap(True)
            mute(note)
            self._rows.addWidget(note)

    def set_last(self, last: bool) -> None:
        """Say whether this is the newest turn, which alone can be asked again."""
        self._is_last = last
        self.refresh()

    def set_running(self, running: bool, waiting: str = "") -> None:
        """Say whether a job of this turn is waiting or running, and what for."""
        self.running = running
        self.waiting = waiting
        if running:
            self._folded = False
        self.refresh()

    def set_room(self, height: int) -> None:
        """Say how high columns may be: about what is seen of the conversation."""
        self._height = max(LEAST_COLUMN_HEIGHT, height)
        if self._columns is not None:
            self._fit_columns()

    def unfold(self, wanted: bool) -> None:
        """Show all variations side by side, or the one in use only."""
        self._folded = not wanted
        self.refresh()

    def refresh(self) -> None:
        """Show the turn as it is now."""
        several = len(self.turn.answers) > 1
        if several and not self._folded:
            self._show_columns()
        elif self.turn.answers:
            self._show_single(several)

    # ---- inside

    def _prompt_card(self) -> QFrame:
        card = QFrame(self)
        card.setAutoFillBackground(True)
        card.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        text = self.turn.prompt
        short = shortened(text, SHORT_PROMPT)
        label = QLabel(short, card)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setAccessibleName(self.tr("Your message"))
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        label.setSizePolicy(policy)
        edit = tool_button("pencil", self.tr("Edit and send again"), parent=card)
        edit.clicked.connect(lambda: self.edit_wanted.emit(self.turn))
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
            more.clicked.connect(lambda: self._show_whole(layout, label, more))
            layout.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _show_whole(self, layout: QVBoxLayout, label: QLabel, more: QPushButton) -> None:
        label.hide()
        more.hide()
        whole = PromptEdit("", "")
        whole.setReadOnly(True)
        whole.setPlainText(self.turn.prompt)
        whole.setAccessibleName(self.tr("Your message"))
        whole.setFixedHeight(LEAST_COLUMN_HEIGHT)
        layout.addWidget(whole)

    def _show_single(self, several: bool) -> None:
        if self._columns is not None:
            self._rows.removeWidget(self._columns)
            self._columns.deleteLater()
            self._columns = None
        if self._single is None:
            self._single = AnswerCard(grows=True, parent=self)
            self._single.copied.connect(self._copy)
            self._single.asked_again.connect(lambda: self.again_wanted.emit(self.turn))
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
        self._single.again.setVisible(self._is_last and not self.running)
        self._show_fold(several)

    def _show_columns(self) -> None:
        if self._single is not None:
            self._rows.removeWidget(self._single)
            self._single.deleteLater()
            self._single = None
        if self._columns is None:
            self._columns = AnswerColumns(self)
            self._columns.copied.connect(self._copy)
            self._columns.used.connect(self._use)
            self._rows.addWidget(self._columns)
        self._columns.show_turn(
            self.turn,
            self.finished,
            not self.running,
            self.waiting if self.running else self.tr("No answer."),
        )
        self._fit_columns()
        self._show_fold(not self.running)

    def _fit_columns(self) -> None:
        assert self._columns is not None
        wanted = max(self._columns.minimumHeight(), self._columns.wanted_height())
        self._columns.setFixedHeight(max(LEAST_COLUMN_HEIGHT, min(wanted, self._height)))

    def _show_fold(self, wanted: bool) -> None:
        if wanted and self._fold is None:
            self._fold = QPushButton(self)
            self._fold.setFlat(True)
            self._fold.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            self._fold.clicked.connect(lambda: self.unfold(self._folded))
        if self._fold is not None:
            self._fold.setVisible(wanted)
            self._fold.setIcon(icon("chevron-right" if self._folded else "chevron-down"))
            self._fold.setText(
                self.tr("Show all {n} variations").format(n=len(self.turn.answers))
                if self._folded
                else self.tr("Show only the one in use")
            )
            self._rows.removeWidget(self._fold)
            self._rows.addWidget(self._fold)

    def _use(self, index: int) -> None:
        self.turn.chosen = index
        self.refresh()
        self.chosen.emit(self.turn)

    def _copy(self, index: int) -> None:
        QGuiApplication.clipboard().setText(self.turn.answers[index].text)
