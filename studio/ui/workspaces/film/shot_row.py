"""The shots of a storyboard as a row of cards that scrolls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QWidget

from studio.storyboard.board import BoardShot
from studio.storyboard.production import Shown
from studio.ui.shell.background import Background
from studio.ui.style.theme import GRID
from studio.ui.workspaces.film.shot_card import ShotCard

_AT_ONCE = 2
"""Cards that are made in one turn of the event loop."""


class ShotRow(QScrollArea):
    """Object name `film.shots`."""

    changed = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._shown: list[Shown] = []
        self._waiting: list[BoardShot] = []
        self.cards: list[ShotCard] = []
        self.setObjectName("film.shots")
        self.setAccessibleName(self.tr("Shots"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inner = QWidget()
        self._row = QHBoxLayout(inner)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        self._row.addStretch(1)
        self.setWidget(inner)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._add_some)

    def shots(self) -> tuple[BoardShot, ...]:
        """Return the shots as they are shown, in their order."""
        return (*(card.shot() for card in self.cards), *self._waiting)

    def set_shots(self, shots: Sequence[BoardShot]) -> None:
        """Show other shots; they appear one after the other."""
        for card in self.cards:
            card.hide()
            card.deleteLater()
        self.cards, self._waiting, self._shown = [], list(shots), []
        self._add_some()

    def add(self, shots: Sequence[BoardShot]) -> None:
        """Add shots at the end."""
        self._waiting += shots
        self._add_some()
        self.changed.emit()

    def show_made(self, shown: Sequence[Shown]) -> None:
        """Show what there is of each shot."""
        self._shown = list(shown)
        for card, each in zip(self.cards, self._shown, strict=False):
            card.show_made(each)

    def _add_some(self) -> None:
        for shot in self._waiting[:_AT_ONCE]:
            card = ShotCard(shot, self._background, self)
            self._row.insertWidget(len(self.cards), card, 0, Qt.AlignmentFlag.AlignTop)
            self.cards.append(card)
            card.set_number(len(self.cards))
            card.changed.connect(self.changed)
            card.moved.connect(lambda step, card=card: self._move(card, step))
            card.removed.connect(lambda card=card: self._remove(card))
            if len(self._shown) >= len(self.cards):
                card.show_made(self._shown[len(self.cards) - 1])
        del self._waiting[:_AT_ONCE]
        if self._waiting:
            self._timer.start()
        else:
            self._timer.stop()

    def _move(self, card: ShotCard, step: int) -> None:
        at = self.cards.index(card)
        new = min(max(0, at + step), len(self.cards) - 1)
        if new == at or self._waiting:
            return
        self.cards.insert(new, self.cards.pop(at))
        self._row.removeWidget(card)
        self._row.insertWidget(new, card, 0, Qt.AlignmentFlag.AlignTop)
        self._renumber()

    def _remove(self, card: ShotCard) -> None:
        self.cards.remove(card)
        self._row.removeWidget(card)
        card.hide()
        card.deleteLater()
        self._renumber()

    def _renumber(self) -> None:
        for number, card in enumerate(self.cards, 1):
            card.set_number(number)
        self.changed.emit()
