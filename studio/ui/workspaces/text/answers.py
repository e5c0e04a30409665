"""The answers of a turn: one as high as its text, or several side by side in columns."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.protocol import Sentence
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.answer_text import AnswerText
from studio.ui.workspaces.text.conversation import Answer, Turn

NARROWEST = 17 * GRID
"""Pixels a column needs; fewer columns are shown where the window is narrower."""

MOST_COLUMNS = 4


class AnswerCard(QFrame):
    """One answer with its heading and what can be done with it."""

    copied = Signal(int)
    used = Signal(int)
    asked_again = Signal()

    def __init__(self, grows: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = 0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._heading = QLabel(self)
        emphasise(self._heading)
        self._seed = QLabel(self)
        mute(self._seed)
        self._seed.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._seed.setVisible(grows)
        self.use = QToolButton(self)
        self.use.setVisible(not grows)
        self.use.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.use.setAutoRaise(True)
        self.use.clicked.connect(lambda: self.used.emit(self.index))
        self.again = tool_button("refresh-cw", self.tr("Ask again with another seed"), parent=self)
        self.again.clicked.connect(self.asked_again)
        copy = tool_button("copy", self.tr("Copy this answer"), parent=self)
        copy.clicked.connect(lambda: self.copied.emit(self.index))
        self.body = AnswerText(grows, self)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self._note.hide()
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(self._heading)
        row.addWidget(self._seed, 1)
        if not grows:
            row.addStretch(1)
        row.addWidget(self.again)
        row.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID + GRID // 2, GRID, GRID, GRID)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row)
        layout.addWidget(self.body, 0 if grows else 1)
        layout.addWidget(self._note)
        if not grows:
            self.body.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
            layout.addStretch(0)
        layout.addWidget(self.use)

    def wanted_height(self) -> int:
        """Return the height at which all of the answer is seen, in pixels."""
        layout = self.layout()
        assert layout is not None
        height = layout.heightForWidth(self.width())
        if height < 0:
            height = self.sizeHint().height()
        if self.body.isVisibleTo(self):
            height += int(self.body.document().size().height()) - self.body.sizeHint().height()
        return height + GRID // 2

    def show_answer(self, answer: Answer, heading: str, finished: bool, waiting: str) -> None:
        """Show an answer; `waiting` is said while it has no text yet."""
        self._heading.setText(heading)
        seed = "" if answer.seed is None else self.tr("seed {seed}").format(seed=answer.seed)
        self._seed.setText(seed)
        for label in (self._heading, self._seed):
            label.setToolTip("\n".join(part for part in (seed, answer.path) if part))
        self.body.show_answer(answer.text, finished)
        self.body.setVisible(bool(answer.text))
        failed = translated(answer.failed) if isinstance(answer.failed, Sentence) else answer.failed
        note = failed or ("" if answer.text else waiting)
        self._note.show_text(note, "error" if failed else None)
        self._note.setVisible(bool(note))

    def show_choice(self, chosen: bool, usable: bool) -> None:
        """Show whether this is the answer the conversation goes on with, or can be."""
        self.use.setVisible(usable)
        self.use.setEnabled(not chosen)
        if chosen:
            self.use.setText(self.tr("In use"))
            self.use.setIcon(icon("check"))
            self.use.setToolTip(self.tr("The conversation goes on with this answer"))
        else:
            self.use.setText(self.tr("Use this"))
            self.use.setIcon(icon("circle-dashed"))
            self.use.setToolTip(self.tr("Let the conversation go on with this answer"))
        self.use.setAccessibleName(self.use.text())


class AnswerColumns(QWidget):
    """Up to four columns over any number of answers; a scroll bar moves them along.

    Only the columns that are seen exist, so a thousand answers cost as much as four.
    """

    copied = Signal(int)
    used = Signal(int)

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
        self._place = QLabel(self)
        mute(self._place)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self._place)
        foot.addWidget(self.bar, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(self._row, 1)
        layout.addLayout(foot)

    def show_turn(self, turn: Turn, finished: set[int], all_finished: bool, waiting: str) -> None:
        """Show a turn's answers; `finished` are the indexes whose text is complete."""
        self._turn = turn
        self._finished = finished
        self._all_finished = all_finished
        self._waiting = waiting
        self._arrange()

    def visible_indexes(self) -> range:
        """Return the indexes of the answers on show."""
        first = self.bar.value()
        return range(first, first + len(self._cards))

    def wanted_height(self) -> int:
        """Return the height at which the answers on show are seen whole, in pixels."""
        foot = 3 * GRID if self.bar.isVisibleTo(self) else 0
        return max((card.wanted_height() for card in self._cards), default=0) + foot

    def _arrange(self) -> None:
        if self._turn is None:
            return
        total = len(self._turn.answers)
        fits = max(1, (self.width() + GRID) // (NARROWEST + GRID))
        wanted = max(1, min(total, MOST_COLUMNS, fits))
        while len(self._cards) < wanted:
            card = AnswerCard(grows=False, parent=self)
            card.setFrameShape(QFrame.Shape.StyledPanel)
            card.again.hide()
            card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
            card.copied.connect(self.copied)
            card.used.connect(self.used)
            self._cards.append(card)
            self._row.addWidget(card, 1)
        while len(self._cards) > wanted:
            card = self._cards.pop()
            self._row.removeWidget(card)
            card.deleteLater()
        self.bar.setPageStep(wanted)
        self.bar.setRange(0, max(0, total - wanted))
        self.bar.setVisible(total > wanted)
        self._place.setVisible(total > wanted)
        self.refresh()

    def refresh(self) -> None:
        """Show what has changed in the columns that are seen."""
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
        self._place.setText(
            self.tr("{first}–{last} of {total}").format(
                first=shown.start + 1, last=shown.stop, total=len(turn.answers)
            )
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned: QPoint = event.angleDelta()
        if turned.x() and self.bar.isVisible():
            self.bar.setValue(self.bar.value() - (1 if turned.x() > 0 else -1))
        else:
            event.ignore()
