"""Shows how much of the model's context the next request would use, and what would be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from studio.kinds.sources import with_sources
from studio.kinds.text import TextRequest
from studio.models.token_count_messages import Conversation
from studio.protocol import ModelRef, Problem
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, Severity
from studio.ui.style.translations import tr
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.token_counter import ContextUse

DELAY_MS = 300


def token_count_text(count: int) -> str:
    """Format a number of tokens, e.g. "1 token", "1,024 tokens"."""
    return tr("1 token") if count == 1 else tr("{n} tokens").format(n=f"{count:,}")


class ContextMeter(QWidget):
    """Counts tokens in the background, shortly after the last change.

    `notice` is shown while something does not fit; it may be moved to another layout.
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._request: TextRequest | None = None
        self._model: ModelRef | None = None
        self.bar = QProgressBar(self)
        self.bar.setObjectName("text.context")
        self.bar.setAccessibleName(self.tr("Context used"))
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(8 * GRID, GRID // 2)
        self.label = TintedLabel(self)
        self.label.setObjectName("text.context_text")
        self.label.setMinimumHeight(self.fontMetrics().height())
        self.notice = TintedLabel(self)
        self.notice.setObjectName("text.context_notice")
        self.notice.setWordWrap(True)
        self.notice.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.bar)
        row.addWidget(self.label)
        self._is_counting = False
        self._count_again = False
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(DELAY_MS)
        self._delay.timeout.connect(self._count)

    def measure(self, request: TextRequest, model: ModelRef | None) -> None:
        """Count the tokens of a request for a model after a short delay."""
        self._request, self._model = request, model
        self._delay.start()

    def _count(self) -> None:
        request, model = self._request, self._model
        if request is None or model is None or not (request.prompt.strip() or request.messages):
            self._show(None)
            return
        if self._is_counting:
            self._count_again = True
            return
        self._is_counting = True
        counter = self._state.token_counter
        conversation = Conversation(
            with_sources(request.prompt, request.sources), request.system_prompt, request.messages
        )
        self._state.background.read(
            self,
            lambda: counter.count(model, conversation, request.max_tokens),
            self._counted,
            self._failed,
        )

    def _counted(self, use: ContextUse | None) -> None:
        self._is_counting = False
        self._show(use)
        if self._count_again:
            self._count_again = False
            self._count()

    def _failed(self, _problem: Problem) -> None:
        self._counted(None)

    def _show(self, use: ContextUse | None) -> None:
        text = notice = ""
        severity: Severity | None = None
        if use is not None and use.context:
            self.bar.setRange(0, use.context)
            self.bar.setValue(min(use.tokens, use.context))
            text = self.tr("{n} of {context} tokens").format(
                n=f"{use.tokens:,}", context=f"{use.context:,}"
            )
            if not use.fits:
                notice = self.tr("Too long for this model. Shorten the prompt.")
                severity = "error"
            elif use.left_out:
                notice = (
                    self.tr("The oldest message is left out.")
                    if use.left_out == 1
                    else self.tr("The {n} oldest messages are left out.").format(n=use.left_out)
                )
                severity = "warning"
        else:
            self.bar.reset()
            if use is not None:
                text = token_count_text(use.tokens)
        self.label.show_text(text)
        self.bar.setVisible(bool(text))
        self.notice.show_text(notice, severity)
        self.notice.setVisible(bool(notice))
