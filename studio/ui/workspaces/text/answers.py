"""The answers of a turn: a single card, or several cards in columns."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.formats.chat.thoughts import ThoughtAnswer, split_thoughts
from studio.protocol import Sentence
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, Severity, emphasise, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.answer_text import AnswerText
from studio.ui.workspaces.text.conversation import Answer, Turn
from studio.ui.workspaces.text.thoughts import Thoughts

MIN_COLUMN_WIDTH = 17 * GRID
"""Pixels; a narrower window shows fewer columns."""

MAX_COLUMNS = 4


class AnswerCard(QFrame):
    """One answer with its heading and buttons."""

    copy_clicked = Signal(int)
    use_clicked = Signal(int)
    regenerate_clicked = Signal()
    continue_clicked = Signal(int)

    def __init__(self, grows: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = 0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._heading = plain_label(parent=self)
        emphasise(self._heading)
        self._seed = plain_label(parent=self)
        mute(self._seed)
        self._seed.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._seed.setVisible(grows)
        self.use = QToolButton(self)
        self.use.setVisible(not grows)
        self.use.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.use.setAutoRaise(True)
        self.use.clicked.connect(lambda: self.use_clicked.emit(self.index))
        self.regenerate = tool_button(
            "refresh-cw", self.tr("Regenerate with another seed"), parent=self
        )
        self.regenerate.clicked.connect(self.regenerate_clicked)
        copy = tool_button("copy", self.tr("Copy this answer"), parent=self)
        copy.clicked.connect(lambda: self.copy_clicked.emit(self.index))
        self._thoughts: Thoughts | None = None
        self.body = AnswerText(grows, self)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self._note.hide()
        self.go_on = QPushButton(self.tr("Continue"), self)
        self.go_on.setIcon(icon("play"))
        self.go_on.setAccessibleName(self.go_on.text())
        self.go_on.setToolTip(self.tr("Write on from where this answer ends"))
        self.go_on.clicked.connect(lambda: self.continue_clicked.emit(self.index))
        self.go_on.hide()
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(self._heading)
        row.addWidget(self._seed, 1)
        if not grows:
            row.addStretch(1)
        row.addWidget(self.regenerate)
        row.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID + GRID // 2, GRID, GRID, GRID)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row)
        self._parts = layout
        layout.addWidget(self.body, 0 if grows else 1)
        # A column has no room for both in one line.
        foot = QHBoxLayout() if grows else QVBoxLayout()
        foot.setSpacing(GRID if grows else GRID // 2)
        foot.addWidget(self._note, 1)
        foot.addWidget(self.go_on, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(foot)
        if not grows:
            self.body.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
            layout.addStretch(0)
        layout.addWidget(self.use)

    def preferred_height(self) -> int:
        """Return the height in pixels that shows the whole answer."""
        layout = self.layout()
        assert layout is not None
        height = layout.heightForWidth(self.width())
        if height < 0:
            height = self.sizeHint().height()
        if self.body.isVisibleTo(self):
            height += int(self.body.document().size().height()) - self.body.sizeHint().height()
        return height + GRID // 2

    def show_answer(self, answer: Answer, heading: str, finished: bool, waiting: str) -> None:
        """Show an answer, or the note `waiting` while it has no text."""
        self._heading.setText(heading)
        seed = "" if answer.seed is None else self.tr("seed {seed}").format(seed=answer.seed)
        self._seed.setText(seed)
        for label in (self._heading, self._seed):
            label.setToolTip(plain_tooltip("\n".join(part for part in (seed, answer.path) if part)))
        parts = split_thoughts(answer.text)
        self._show_thoughts(parts, finished)
        self.body.show_answer(parts.answer, finished)
        self.body.setVisible(bool(parts.answer))
        failed = translated(answer.failed) if isinstance(answer.failed, Sentence) else answer.failed
        is_part = bool(answer.text) and (answer.stopped or answer.reached_limit)
        note, severity = self._note_on(answer, failed, waiting, finished)
        self._note.show_text(note, severity)
        self._note.setVisible(bool(note))
        self.go_on.setVisible(finished and is_part)

    def _note_on(
        self, answer: Answer, failed: str, waiting: str, finished: bool
    ) -> tuple[str, Severity | None]:
        if failed:
            return failed, "error"
        if not answer.text:
            return waiting, None
        if finished and answer.stopped:
            return self.tr("Stopped before it was finished."), "warning"
        if finished and answer.reached_limit:
            return self.tr("Reached the length limit."), None
        return "", None

    def _show_thoughts(self, parts: ThoughtAnswer, finished: bool) -> None:
        if self._thoughts is None and parts.thoughts:
            self._thoughts = Thoughts(self)
            self._parts.insertWidget(1, self._thoughts)
        if self._thoughts is not None:
            self._thoughts.show_thoughts(parts, finished)

    def show_choice(self, chosen: bool, can_be_chosen: bool) -> None:
        """Show whether the conversation continues with this answer, or could."""
        self.use.setVisible(can_be_chosen)
        self.use.setEnabled(not chosen)
        if chosen:
            self.use.setText(self.tr("In use"))
            self.use.setIcon(icon("check"))
            self.use.setToolTip(self.tr("The conversation continues with this answer"))
        else:
            self.use.setText(self.tr("Use this"))
            self.use.setIcon(icon("circle-dashed"))
            self.use.setToolTip(self.tr("Continue the conversation with this answer"))
        self.use.setAccessibleName(self.use.text())


class AnswerColumns(QWidget):
    """Up to four columns that scroll horizontally through any number of answers.

    Only the visible columns exist as widgets, so a thousand answers cost as much as four.
    """

    copy_clicked = Signal(int)
    use_clicked = Signal(int)
    continue_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turn: Turn | None = None
        self._finished: set[int] = set()
        self._all_finished = True
        self._waiting = ""
        self._cards: list[AnswerCard] = []
        self._row = QHBoxLayout()
        self._row.setSpacing(GRID)
        self.bar = QScrollBar(Qt.Orientation.Horizontal, self)
        self.bar.setAccessibleName(self.tr("Scroll through the variations"))
        self.bar.valueChanged.connect(self.refresh)
        self.bar.hide()
        self._position = plain_label(parent=self)
        mute(self._position)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self._position)
        foot.addWidget(self.bar, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(self._row, 1)
        layout.addLayout(foot)

    def show_turn(self, turn: Turn, finished: set[int], all_finished: bool, waiting: str) -> None:
        """Show a turn's answers; `finished` has the indexes of complete ones."""
        self._turn = turn
        self._finished = finished
        self._all_finished = all_finished
        self._waiting = waiting
        self._arrange()

    def visible_indexes(self) -> range:
        """Return the indexes of the visible answers."""
        first = self.bar.value()
        return range(first, first + len(self._cards))

    def preferred_height(self) -> int:
        """Return the height in pixels that shows the visible answers completely."""
        foot = 3 * GRID if self.bar.isVisibleTo(self) else 0
        return max((card.preferred_height() for card in self._cards), default=0) + foot

    def _arrange(self) -> None:
        if self._turn is None:
            return
        total = len(self._turn.answers)
        fits = max(1, (self.width() + GRID) // (MIN_COLUMN_WIDTH + GRID))
        columns = max(1, min(total, MAX_COLUMNS, fits))
        while len(self._cards) < columns:
            card = AnswerCard(grows=False, parent=self)
            card.setFrameShape(QFrame.Shape.StyledPanel)
            card.regenerate.hide()
            card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
            card.copy_clicked.connect(self.copy_clicked)
            card.use_clicked.connect(self.use_clicked)
            card.continue_clicked.connect(self.continue_clicked)
            self._cards.append(card)
            self._row.addWidget(card, 1)
        while len(self._cards) > columns:
            card = self._cards.pop()
            self._row.removeWidget(card)
            card.deleteLater()
        self.bar.setPageStep(columns)
        self.bar.setRange(0, max(0, total - columns))
        self.bar.setVisible(total > columns)
        self._position.setVisible(total > columns)
        self.refresh()

    def refresh(self) -> None:
        """Update the visible columns."""
        turn = self._turn
        if turn is None:
            return
        for index, card in zip(self.visible_indexes(), self._cards, strict=True):
            if index >= len(turn.answers):
                continue
            card.index = index
            finished = self._all_finished or index in self._finished
            card.show_answer(
                turn.answers[index],
                self.tr("Variation {n}").format(n=index + 1),
                finished,
                self._waiting,
            )
            card.show_choice(index == turn.chosen, bool(turn.answers[index].text))
        shown = self.visible_indexes()
        self._position.setText(
            self.tr("{first}–{last} of {total}").format(
                first=shown.start + 1, last=shown.stop, total=len(turn.answers)
            )
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta: QPoint = event.angleDelta()
        if delta.x() and self.bar.isVisible():
            self.bar.setValue(self.bar.value() - (1 if delta.x() > 0 else -1))
        else:
            event.ignore()
