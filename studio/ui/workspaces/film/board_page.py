"""The page of the Film tab that shows the shots: title, look and size above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from studio.kinds.film import KIND
from studio.storyboard.board import MAX_VARIATIONS, Board
from studio.ui.shell.background import Background
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.plain_text import plain_label
from studio.ui.workspaces.film.film_settings import FilmSettings
from studio.ui.workspaces.film.shot_row import ShotRow

Action = tuple[str, str, str, Callable[[], object]]
"""Text, object name, icon, and what a button does."""


class BoardPage(QWidget):
    """Object names: `film.title`, `.look`, `.variations`, and those of the actions."""

    changed = Signal()

    def __init__(
        self, background: Background, actions: Sequence[Action], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._options = Board()
        self.title = QLineEdit(self)
        self.title.setObjectName("film.title")
        self.title.setAccessibleName(tr(KIND.fields["title"].label))
        self.title.setPlaceholderText(self.title.accessibleName())
        self.title.setMaxLength(200)
        self.look = QLineEdit(self)
        self.look.setObjectName("film.look")
        self.look.setAccessibleName(self.tr("Look"))
        self.look.setPlaceholderText(self.tr("Look that all pictures share"))
        self.look.setMaxLength(2000)
        self.variations = QSpinBox(self)
        self.variations.setObjectName("film.variations")
        self.variations.setAccessibleName(self.tr("Variations of each picture"))
        self.variations.setRange(1, MAX_VARIATIONS)
        self.settings = FilmSettings(self)
        self.shots = ShotRow(background, self)
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self.title, 2)
        head.addWidget(self.look, 2)
        label = plain_label(self.tr("Variations"), self)
        label.setBuddy(self.variations)
        head.addWidget(label)
        head.addWidget(self.variations)
        head.addWidget(self.settings)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for text, name, icon, action in actions:
            row.addWidget(dialog_button(text, name, action, self, icon))
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(head)
        column.addLayout(row)
        column.addWidget(self.shots, 1)
        for signal in (self.title.textEdited, self.look.textEdited, self.variations.valueChanged):
            signal.connect(lambda _: self.changed.emit())
        self.shots.changed.connect(self.changed)
        self.settings.changed.connect(self.changed)

    def board(self) -> Board:
        """Return the storyboard as it is shown."""
        return msgspec.structs.replace(
            self._options,
            title=self.title.text(),
            look=self.look.text(),
            variations=self.variations.value(),
            shots=self.shots.shots(),
            film_options=self.settings.options(),
        )

    def show_board(self, board: Board) -> None:
        """Show another storyboard."""
        self._options = board
        self.title.setText(board.title)
        self.look.setText(board.look)
        self.variations.setValue(board.variations)
        self.settings.set_options(board.film_options)
        self.shots.set_shots(board.shots)
