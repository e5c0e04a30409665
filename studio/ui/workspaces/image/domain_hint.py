"""Says while a prompt is typed what of it the chosen model does not understand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.kinds.image import KIND
from studio.protocol import ModelRef
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.model_offers import language_of, model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import menu_text, one_line
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.known_words import Understanding

DEBOUNCE_MS = 250

_LISTED = 4
"""Most words in the hint."""

_LONGEST_WORD = 24


class DomainHint(QWidget):
    """Object names `image.domain_hint`, `image.domain_offer`. Stays while it is true."""

    def __init__(
        self,
        state: AppState,
        prompt: PromptEdit,
        model: ModelPicker,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._prompt = prompt
        self._model = model
        self._offers = model_offers_of(state)
        self._asked: tuple[str, str] = "", ""
        self.setObjectName("image.domain_hint")
        self.label = TintedLabel(self)
        self.label.setWordWrap(True)
        self.offer = QPushButton(icon("download"), "", self)
        self.offer.setObjectName("image.domain_offer")
        self.offer.setAutoDefault(False)
        self.offer.clicked.connect(lambda: self._offered()[1]())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.label)
        layout.addWidget(self.offer)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(DEBOUNCE_MS)
        self._typing.timeout.connect(self._check)
        prompt.textChanged.connect(self._typing.start)
        model.changed.connect(self._typing.start)
        state.models_changed.connect(self._typing.start)
        self._offers.changed.connect(self._show_offer)
        self._show_offer()
        self.hide()

    def _check(self) -> None:
        """Compare the prompt with the model's words on another thread."""
        model, prompt = self._model.ref(), self._prompt.text().strip()
        asked = self._asked = (model.path if model is not None else "", prompt)
        if model is None or not prompt:
            self.hide()
            return

        def show(found: Understanding | None) -> None:
            if asked == self._asked:
                self._show(found)

        self._state.background.read(
            self, lambda: _understanding(model, prompt), show, lambda _: self.hide()
        )

    def _show(self, found: Understanding | None) -> None:
        if found is not None and not found.is_whole:
            self.label.show_text(hint(found), "warning")
            self._show_offer()
        self.setVisible(found is not None and not found.is_whole)

    def _offered(self) -> tuple[str, Callable[[], object]]:
        """Return text and callback of the button: a model that reads the prompt's language."""
        return self._offers.action(KIND.task, language_of(self._prompt.text()))

    def _show_offer(self) -> None:
        text, _ = self._offered()
        self.offer.setText(menu_text(text))
        self.offer.setAccessibleName(text)


def hint(found: Understanding) -> str:
    """Return what a model does not understand, in words."""
    if found.unknown:
        return tr(
            "This model draws single things and does not know {words}, so the picture will not "
            "show it."
        ).format(words=_listed(found.unknown))
    if not found.names:
        return tr("This model draws single things. Name one.")
    return tr(
        "This model draws one thing at a time, and the prompt names several: {words}."
    ).format(words=_listed(found.names))


def _listed(words: tuple[str, ...]) -> str:
    quoted = [tr("“{word}”").format(word=one_line(word, _LONGEST_WORD)) for word in words[:_LISTED]]
    return tr(", ").join([*quoted, *(["…"] if len(words) > _LISTED else [])])


def _understanding(model: ModelRef, prompt: str) -> Understanding | None:
    """Return what a model understands of a prompt, None if it does not say. Reads the disk."""
    from studio.models.known_words import known_words

    words = known_words(Path(model.path))
    return None if words is None else words.read(prompt)
