"""A hint for users who write Chinese to an English-only model."""

from __future__ import annotations

import re

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QWidget

from studio.protocol import ModelRef
from studio.ui.style.theme import mute
from studio.ui.widgets.plain_text import PlainLabel

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def knows_only_english(model: ModelRef | None) -> bool:
    """Return whether English is the only language on the model's card."""
    return model is not None and model.languages == ("en",)


class LanguageHint(PlainLabel):
    """Object name `text.language_hint`; hidden unless it applies."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("text.language_hint")
        self.setText(
            self.tr("This model was made for English. For Chinese, add a bilingual model.")
        )
        self.setWordWrap(True)
        self.hide()
        mute(self)

    def update_for(self, model: ModelRef | None, prompt: str) -> None:
        """Show the hint if the model is English-only and the interface or the prompt is Chinese."""
        chinese = QLocale().language() == QLocale.Language.Chinese
        self.setVisible(
            knows_only_english(model) and (chinese or _CHINESE.search(prompt) is not None)
        )
