"""A hint for users who write Chinese to an English-only model."""

from __future__ import annotations

import re

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.kinds.text import KIND
from studio.protocol import ModelRef
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.plain_text import menu_text, plain_label

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def knows_only_english(model: ModelRef | None) -> bool:
    """Return whether English is the only language on the model's card."""
    return model is not None and model.languages == ("en",)


class LanguageHint(QWidget):
    """Object names `text.language_hint`, `text.language_offer`; hidden unless it applies."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._offers = model_offers_of(state)
        self.setObjectName("text.language_hint")
        label = plain_label(
            self.tr("This model was made for English. For Chinese, add a bilingual model."), self
        )
        label.setWordWrap(True)
        mute(label)
        self.offer = QPushButton(icon("download"), "", self)
        self.offer.setObjectName("text.language_offer")
        self.offer.setAutoDefault(False)
        self.offer.clicked.connect(lambda: self._offers.action(KIND.task, "zh")[1]())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(label)
        layout.addWidget(self.offer)
        self._offers.changed.connect(self._show_offer)
        self._show_offer()
        self.hide()

    def update_for(self, model: ModelRef | None, prompt: str) -> None:
        """Show the hint if the model is English-only and the interface or the prompt is Chinese."""
        chinese = QLocale().language() == QLocale.Language.Chinese
        self.setVisible(
            knows_only_english(model) and (chinese or _CHINESE.search(prompt) is not None)
        )

    def _show_offer(self) -> None:
        text, _ = self._offers.action(KIND.task, "zh")
        self.offer.setText(menu_text(text))
        self.offer.setAccessibleName(text)
