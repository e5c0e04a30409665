"""Examples and styles below the prompt, to click."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from studio.protocol import Sentence, sentence
from studio.ui.fields.language_hint import knows_only_english
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.wrapped_buttons import WrappedButtons
from studio.ui.workspaces.image.image_controls import ImageControls

_THINGS = (
    sentence("a red fox, 3d style"),
    sentence("a rocket, flat style"),
    sentence("a sunflower"),
)
"""For models that draw single things, and while nothing is known of the model."""

_THING_STYLES = (
    sentence("3d style"),
    sentence("flat style"),
    sentence("gradient style"),
    sentence("classic style"),
)

_SCENES = (
    sentence("a lighthouse at dusk, oil painting"),
    sentence("a bowl of ramen, food photograph"),
    sentence("a paper boat in the rain"),
)

_SCENE_STYLES = (
    sentence("photograph"),
    sentence("oil painting"),
    sentence("watercolour"),
    sentence("line drawing"),
    sentence("3D render"),
)


class PromptIdeas(QWidget):
    """Object names `image.ideas`, `image.idea.0`, …, `image.style.0`, …

    The examples are shown while the prompt is empty, the styles until it names one of them.
    """

    def __init__(
        self,
        prompt: PromptEdit,
        model: ModelPicker,
        controls: ImageControls,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("image.ideas")
        self._prompt = prompt
        self._model = model
        self._controls = controls
        self._shown: tuple[Sequence[str], Sequence[str]] = (), ()
        self._styles = WrappedButtons(self)
        self._try = plain_label(self.tr("Try:"), self)
        mute(self._try)
        self._examples = WrappedButtons(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self._styles)
        layout.addWidget(self._try)
        layout.addWidget(self._examples)
        prompt.textChanged.connect(self._show)
        model.changed.connect(self._fill)
        controls.described.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        """Offer what suits the model, in a language that it reads.

        Until it is known what the model can draw, single things: every model draws those.
        """
        things = not self._controls.is_known or self._controls.supports("transparent")
        said = _in_english if knows_only_english(self._model.ref()) else translated
        examples = [said(text) for text in (_THINGS if things else _SCENES)]
        styles = [said(text) for text in (_THING_STYLES if things else _SCENE_STYLES)]
        if (examples, styles) != self._shown:
            self._shown = examples, styles
            self._examples.set_buttons([self._chip("idea", n, t) for n, t in enumerate(examples)])
            self._styles.set_buttons([self._chip("style", n, t) for n, t in enumerate(styles)])
        self._show()

    def _show(self) -> None:
        text = self._prompt.text().lower()
        is_empty = not text.strip()
        self._try.setVisible(is_empty)
        self._examples.setVisible(is_empty)
        self._styles.setVisible(not any(style.lower() in text for style in self._shown[1]))

    def _chip(self, what: str, number: int, text: str) -> QToolButton:
        chip = QToolButton(self._examples if what == "idea" else self._styles)
        chip.setText(text)
        chip.setObjectName(f"image.{what}.{number}")
        chip.setAccessibleName(text)
        if what == "idea":
            chip.clicked.connect(lambda: self._use_example(text))
        else:
            chip.clicked.connect(lambda: self._use_style(text))
        return chip

    def _use_example(self, text: str) -> None:
        self._prompt.set_text(text)
        self._prompt.setFocus()

    def _use_style(self, style: str) -> None:
        """Append a style; into an empty prompt, with a subject that typing replaces."""
        subject = self._prompt.text().rstrip(" ,，\n")
        is_empty = not subject
        subject = subject or re.split("[,，]", self._shown[0][0])[0]
        separator = ", " if style.isascii() else "，"
        self._prompt.set_text(f"{subject}{separator}{style}")
        if is_empty:
            cursor = self._prompt.textCursor()
            cursor.setPosition(0)
            cursor.setPosition(len(subject), QTextCursor.MoveMode.KeepAnchor)
            self._prompt.setTextCursor(cursor)
        self._prompt.setFocus()


def _in_english(text: Sentence) -> str:
    return text.template
