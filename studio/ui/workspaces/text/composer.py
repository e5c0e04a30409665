"""Where the person writes: the prompt, and in its bottom line model, count and Generate."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.kinds.text import KIND
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.run_bar import RunBar

WIDTH = 784
"""Pixels at most, as the text of the conversation."""

LEAST_LINES, MOST_LINES = 2, 10

LEAST_WIDTH = 48 * GRID
"""Pixels that the bottom line needs when it is narrow."""


class Composer(QWidget):
    """`hints` is a place above the prompt for what matters for the next click.

    `foot` is a quiet line below it. The banner over a message that is being edited is made when
    it is needed.
    """

    edit_cancelled = Signal()
    narrowed = Signal(bool)
    """Buttons in the bottom line show only their icons, or their texts again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._card = card = QFrame(self)
        card.setFrameShape(QFrame.Shape.StyledPanel)
        self.prompt = PromptEdit(
            self.tr("Ask for anything: a slogan, a summary, a story…"), "text.prompt", card
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.setFrameShape(QFrame.Shape.NoFrame)
        palette = self.prompt.palette()
        palette.setBrush(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        self.prompt.setPalette(palette)
        self.prompt.grow(LEAST_LINES, MOST_LINES)
        self.run_bar = RunBar(KIND.task, KIND.fields["count"])
        inside = QVBoxLayout(card)
        inside.setContentsMargins(GRID, GRID, GRID, GRID)
        inside.setSpacing(GRID // 2)
        inside.addWidget(self.prompt)
        inside.addWidget(self.run_bar)
        self.hints = QVBoxLayout()
        self.hints.setSpacing(GRID // 2)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(GRID, 0, GRID, 0)
        self.foot.setSpacing(GRID)
        self.foot.addWidget(self.run_bar.foot, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID // 2)
        self._column.addLayout(self.hints)
        self._column.addWidget(card)
        self._column.addLayout(self.foot)
        self._banner: QWidget | None = None
        self.is_narrow = False
        self._wide_needs = 0

    def show_banner(self, shown: bool) -> None:
        """Show or hide what sending does while an earlier message is edited."""
        if self._banner is None:
            if not shown:
                return
            self._banner = self._make_banner()
            self.hints.insertWidget(0, self._banner)
        self._banner.setVisible(shown)

    def _make_banner(self) -> QWidget:
        banner = QWidget(self)
        row = QHBoxLayout(banner)
        row.setContentsMargins(GRID, 0, 0, 0)
        note = plain_label(
            self.tr("Sending adds a version of this message; the present one stays.")
        )
        note.setWordWrap(True)
        cancel = QPushButton(self.tr("Cancel"), banner)
        cancel.clicked.connect(self.edit_cancelled)
        row.addWidget(note, 1)
        row.addWidget(cancel)
        return banner

    def fit(self) -> None:
        """Choose between the wide and the narrow bottom line."""
        side = max(0, (self.width() - WIDTH) // 2)
        self._column.setContentsMargins(side, 0, side, 0)
        if not self.is_narrow:
            self._wide_needs = self._card.minimumSizeHint().width()
        if self.is_narrow != (min(self.width(), WIDTH) < self._wide_needs):
            self.is_narrow = not self.is_narrow
            self.run_bar.set_narrow(self.is_narrow)
            self.narrowed.emit(self.is_narrow)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()
