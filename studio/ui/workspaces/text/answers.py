"""The variations of a turn: cards side by side, in rows, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.kinds.sources import Source
from studio.library.review import review_state
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.plain_text import plain_label
from studio.ui.workspaces.text.answer_card import AnswerCard
from studio.ui.workspaces.text.conversation import Turn
from studio.writing.facts.compare import FactCheck

MIN_CARD_WIDTH = 280
"""Pixels."""

MAX_COLUMNS = 4

PAGE = 12
"""Cards shown at once, which fill rows of two, three and four."""

BUILT_AT_ONCE = 4
"""Cards built before events are handled."""


class AnswerCards(QWidget):
    """Only the cards of the page exist as widgets: a thousand answers cost as much as twelve."""

    copy_clicked = Signal(int)
    send_clicked = Signal(int, str)
    edit_clicked = Signal(int)
    review_clicked = Signal(int)
    use_clicked = Signal(int)
    continue_clicked = Signal(int)
    again_clicked = Signal(int)
    passage_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turn: Turn | None = None
        self._finished: set[int] = set()
        self._all_finished = True
        self._waiting = ""
        self._unfolded: set[int] = set()
        self._checks: Mapping[str, FactCheck] = {}
        self.sources: Mapping[str, tuple[Source, ...]] = {}
        """The documents of the answers, by their assets; set before `show_turn`."""
        self.reviews: Mapping[str, str] = {}
        """The states of their reviews, likewise."""
        self._first = 0
        self._columns = 0
        self._cards: list[AnswerCard] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GRID + GRID // 2)
        self._position = plain_label(parent=self)
        mute(self._position)
        self.earlier = self._page_button("chevron-left", self.tr("Earlier variations"), -PAGE)
        self.later = self._page_button("chevron-right", self.tr("More variations"), PAGE)
        self._pages = QWidget(self)
        pages = QHBoxLayout(self._pages)
        pages.setContentsMargins(0, 0, 0, 0)
        pages.setSpacing(GRID)
        for widget in (self.earlier, self._position, self.later):
            pages.addWidget(widget)
        pages.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(self._grid)
        layout.addWidget(self._pages)

    def _page_button(self, icon_name: str, text: str, step: int) -> QPushButton:
        button = QPushButton(icon(icon_name), text, self)
        button.setAccessibleName(text)
        if step > 0:
            button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        button.clicked.connect(lambda: self.show_page_of(self._first + step))
        return button

    def show_turn(
        self,
        turn: Turn,
        finished: set[int],
        all_finished: bool,
        waiting: str,
        checks: Mapping[str, FactCheck],
    ) -> None:
        """Show a turn's answers; `finished` has the indexes of complete ones."""
        self._checks = checks
        if self._turn is not turn:
            self._first = turn.chosen // PAGE * PAGE
        self._turn = turn
        self._finished = finished
        self._all_finished = all_finished
        self._waiting = waiting
        self._arrange()

    def visible_indexes(self) -> range:
        """Return the indexes of the visible answers."""
        total = len(self._turn.answers) if self._turn is not None else 0
        return range(self._first, min(self._first + PAGE, total))

    def show_page_of(self, index: int) -> None:
        """Show the page with this answer."""
        total = len(self._turn.answers) if self._turn is not None else 0
        self._first = max(0, min(index, total - 1)) // PAGE * PAGE
        self._arrange()

    def columns_for(self, width: int) -> int:
        """Return how many cards of at least `MIN_CARD_WIDTH` fit side by side."""
        gap = self._grid.horizontalSpacing()
        fits = max(1, (width + gap) // (MIN_CARD_WIDTH + gap))
        return min(fits, MAX_COLUMNS, max(1, len(self.visible_indexes())))

    def _arrange(self) -> None:
        if self._turn is None:
            return
        count = len(self.visible_indexes())
        for _ in range(min(BUILT_AT_ONCE, count - len(self._cards))):
            self._cards.append(self._card())
        if len(self._cards) < count:
            QTimer.singleShot(0, self, self._arrange)
            count = len(self._cards)
        for number, card in enumerate(self._cards):
            card.setVisible(number < count)
        columns = self.columns_for(self.width())
        if columns != self._columns or self._grid.count() != count:
            for card in self._cards:
                self._grid.removeWidget(card)
            for number, card in enumerate(self._cards[:count]):
                self._grid.addWidget(card, number // columns, number % columns)
            for column in range(MAX_COLUMNS):
                self._grid.setColumnStretch(column, 1 if column < columns else 0)
            self._columns = columns
        total = len(self._turn.answers)
        self._pages.setVisible(total > PAGE)
        self.earlier.setEnabled(self._first > 0)
        self.later.setEnabled(self._first + PAGE < total)
        self.refresh()

    def _card(self) -> AnswerCard:
        card = AnswerCard(is_variation=True, parent=self)
        card.setMinimumWidth(1)
        card.copy_clicked.connect(self.copy_clicked)
        card.send_clicked.connect(self.send_clicked)
        card.edit_clicked.connect(self.edit_clicked)
        card.review_clicked.connect(self.review_clicked)
        card.use_clicked.connect(self.use_clicked)
        card.continue_clicked.connect(self.continue_clicked)
        card.unfold_clicked.connect(self._unfold)
        card.again_clicked.connect(self.again_clicked)
        card.passage_clicked.connect(self.passage_clicked)
        return card

    def refresh(self) -> None:
        """Update the visible cards."""
        turn = self._turn
        if turn is None:
            return
        shown = self.visible_indexes()
        for index, card in zip(shown, self._cards, strict=False):
            card.index = index
            card.review = self.reviews.get(turn.answers[index].asset, review_state(None, turn.form))
            card.sources = self.sources.get(turn.answers[index].asset, ())
            card.show_answer(
                turn.answers[index],
                self.tr("Variation {n}").format(n=index + 1),
                self._all_finished or index in self._finished,
                self._waiting,
                is_folded=index not in self._unfolded,
                is_of_form=bool(turn.form),
            )
            found = self._checks.get(turn.answers[index].asset)
            card.show_check(found, self._all_finished, card.review)
            card.show_choice(index == turn.chosen, bool(turn.answers[index].text))
        self._position.setText(
            self.tr("{first}–{last} of {total}").format(
                first=shown.start + 1, last=shown.stop, total=len(turn.answers)
            )
        )

    def _unfold(self, index: int) -> None:
        self._unfolded.add(index)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._turn is not None and self.columns_for(self.width()) != self._columns:
            self._arrange()
