"""The person's message: a bubble as wide as its text, at the right of the column."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.style.theme import GRID
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.shortened import shortened

MAX_PROMPT_SHOWN = 600
"""Characters above which a prompt is truncated until it is expanded."""

MAX_LINES_SHOWN = 20
"""Lines above which it is truncated."""

FULL_HEIGHT = 30 * GRID
"""Pixels of a long prompt that was expanded; it scrolls."""

_WIDEST = 0.85
"""Of the column."""

_PADDING = GRID + GRID // 2


class MessageBubble(QWidget):
    """Call `fit` with the width of the column."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        lines = text[: MAX_PROMPT_SHOWN + 1].split("\n")[:MAX_LINES_SHOWN]
        short = shortened("\n".join(lines), MAX_PROMPT_SHOWN)
        self._label = plain_label(short, self)
        self._label.setWordWrap(True)
        self._label.setAccessibleName(self.tr("Your message"))
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self._label.setSizePolicy(policy)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(_PADDING, GRID, _PADDING, GRID)
        self._rows.setSpacing(GRID)
        self._rows.addWidget(self._label)
        self._more: QPushButton | None = None
        if short != text:
            self._more = QPushButton(
                self.tr("Show all {n} characters").format(n=f"{len(text):,}"), self
            )
            self._more.clicked.connect(self._show_all)
            self._rows.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)

    def fit(self, column: int) -> None:
        """Be as wide as the text, in a column of this width in pixels."""
        widest = round(column * _WIDEST)
        if self._more is not None:
            self.setFixedWidth(widest)
            return
        metrics = self._label.fontMetrics()
        lines = self._label.text().split("\n")
        natural = max(metrics.horizontalAdvance(line) for line in lines) + 2 * _PADDING + 4
        self.setFixedWidth(min(widest, max(natural, 6 * GRID)))

    def _show_all(self) -> None:
        assert self._more is not None
        self._label.hide()
        self._more.hide()
        whole = PromptEdit("", "")
        whole.setReadOnly(True)
        whole.setPlainText(self._text)
        whole.setAccessibleName(self.tr("Your message"))
        whole.setFixedHeight(FULL_HEIGHT)
        self._rows.addWidget(whole)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Midlight))
        painter.drawRoundedRect(QRectF(self.rect()), _PADDING, _PADDING)
