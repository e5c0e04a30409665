"""Says while the person types why the prompt cannot be sent, and offers what helps."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.kinds.text import KIND
from studio.protocol import MAX_PROMPT_LENGTH
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import menu_text
from studio.ui.widgets.tinted_label import TintedLabel


def too_long_text(length: int) -> str:
    """Say that a prompt has too many characters."""
    return tr("The prompt has {n} characters; at most {most} can be sent.").format(
        n=f"{length:,}", most=f"{MAX_PROMPT_LENGTH:,}"
    )


class SendHint(QWidget):
    """Object names: `text.send_hint`, `text.send_offer`. Hidden while the prompt can be sent."""

    def __init__(self, state: AppState, prompt: PromptEdit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._prompt = prompt
        self._offers = model_offers_of(state)
        self.setObjectName("text.send_hint")
        self.label = TintedLabel(self)
        self.label.setWordWrap(True)
        self.offer = QPushButton(icon("download"), "", self)
        self.offer.setObjectName("text.send_offer")
        self.offer.setAutoDefault(False)
        self.offer.clicked.connect(lambda: self._offers.action(KIND.task)[1]())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.label)
        layout.addWidget(self.offer, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()
        for changed in (prompt.textChanged, state.models_changed, self._offers.changed):
            changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is in the way now, if anything is."""
        length = self._prompt.document().characterCount() - 1
        if length > MAX_PROMPT_LENGTH:
            # Qt counts a character beyond U+FFFF as two.
            length = len(self._prompt.text())
        no_model = self._state.models_known and not self._state.models(KIND.task)
        text, _ = self._offers.action(KIND.task)
        self.offer.setText(menu_text(text))
        self.offer.setAccessibleName(text)
        if no_model:
            self.label.show_text(
                tr("There is no text model yet. Install the starter models, or add your own."),
                "warning",
            )
        elif length > MAX_PROMPT_LENGTH:
            self.label.show_text(too_long_text(length), "error")
        self.offer.setVisible(no_model)
        is_typing = length > 0
        self.setVisible(is_typing and (no_model or length > MAX_PROMPT_LENGTH))
