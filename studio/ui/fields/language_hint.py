"""A hint for users who write Chinese to an English-only model, with a better one to get."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.protocol import ModelRef
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.model_offers import language_of, model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.plain_text import menu_text, plain_label

_ENGLISH_FAMILIES = frozenset({"sd1", "sd2", "sdxl"})
"""Their text encoders were trained on English, whatever the checkpoint draws."""


def knows_only_english(model: ModelRef | None) -> bool:
    """Return whether a model's card names only English, or its family reads nothing else."""
    if model is None:
        return False
    return model.languages == ("en",) or (not model.languages and model.base in _ENGLISH_FAMILIES)


class LanguageHint(QWidget):
    """Object names `<task>.language_hint`, `<task>.language_offer`; hidden unless it applies."""

    def __init__(
        self,
        state: AppState,
        task: str,
        model: ModelPicker,
        prompt: PromptEdit,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._task = task
        self._model = model
        self._prompt = prompt
        self._offers = model_offers_of(state)
        self.setObjectName(f"{task}.language_hint")
        label = plain_label(
            self.tr("This model was made for English. For Chinese, add a bilingual model."), self
        )
        label.setWordWrap(True)
        mute(label)
        self.offer = QPushButton(icon("download"), "", self)
        self.offer.setObjectName(f"{task}.language_offer")
        self.offer.setAutoDefault(False)
        self.offer.clicked.connect(lambda: self._offers.action(task, "zh")[1]())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(label)
        layout.addWidget(self.offer, 0, Qt.AlignmentFlag.AlignLeft)
        self._offers.changed.connect(self._show_offer)
        for changed in (model.changed, state.models_changed, prompt.textChanged):
            changed.connect(self.refresh)
        self._show_offer()
        self.hide()
        # Not before it is in its tab: it would be shown as a window.
        QTimer.singleShot(0, self, self.refresh)

    def refresh(self) -> None:
        """Show the hint if the model is English-only and the interface or the prompt is Chinese."""
        reads_chinese = QLocale().language() == QLocale.Language.Chinese
        wants_chinese = reads_chinese or language_of(self._prompt.text()) == "zh"
        self.setVisible(wants_chinese and knows_only_english(self._model.ref()))

    def _show_offer(self) -> None:
        text, _ = self._offers.action(self._task, "zh")
        self.offer.setText(menu_text(text))
        self.offer.setAccessibleName(text)
