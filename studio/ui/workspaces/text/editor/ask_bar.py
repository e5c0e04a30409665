"""What the model can be asked to do with the selected text."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.widgets.wrapped_buttons import WrappedButtons
from studio.writing.editing.asks import LANGUAGES, TONES, AskName


def ask_titles() -> dict[AskName, str]:
    """Return the asks with their titles."""
    return {
        "rewrite": tr("Rewrite"),
        "shorten": tr("Shorten"),
        "expand": tr("Expand"),
        "correct": tr("Correct"),
        "continue": tr("Write on"),
        "tone": tr("Tone"),
        "translate": tr("Translate"),
        "own": tr("Ask"),
    }


def value_titles() -> dict[str, str]:
    """Return the tones and languages with their titles."""
    return {
        "formal": tr("Formal"),
        "friendly": tr("Friendly"),
        "lively": tr("Lively"),
        "plain": tr("Plain"),
        "persuasive": tr("Persuasive"),
        "English": tr("English"),
        "Chinese": tr("Chinese"),
        "French": tr("French"),
        "German": tr("German"),
        "Japanese": tr("Japanese"),
        "Korean": tr("Korean"),
        "Russian": tr("Russian"),
        "Spanish": tr("Spanish"),
    }


class AskBar(QWidget):
    """Object names: `text.ask_<name>`, `text.ask` for words of one's own."""

    asked = Signal(str, str)
    """The name of the ask, and its value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        buttons = WrappedButtons(self)
        made: list[QToolButton] = []
        titles = ask_titles()
        simple: tuple[AskName, ...] = ("rewrite", "shorten", "expand", "correct", "continue")
        for name in simple:
            made.append(self._button(buttons, name, titles[name]))
            made[-1].clicked.connect(partial(self.asked.emit, name, ""))
        for name, title, values in (
            ("tone", titles["tone"], TONES),
            ("translate", titles["translate"], LANGUAGES),
        ):
            button = self._button(buttons, name, title)
            button.setText(f"{title} ▾")
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            menu = QMenu(button)
            for value in values:
                menu.addAction(value_titles()[value], partial(self.asked.emit, name, value))
            button.setMenu(menu)
            made.append(button)
        buttons.set_buttons(made)
        self.buttons = {button.objectName().removeprefix("text.ask_"): button for button in made}
        self.own = QLineEdit(self)
        self.own.setObjectName("text.ask")
        self.own.setMaxLength(2000)
        self.own.setPlaceholderText(self.tr("Or say what to change, then press Enter"))
        self.own.setAccessibleName(self.tr("What to change"))
        self.own.returnPressed.connect(self._ask)
        self.run = dialog_button(titles["own"], "text.ask_own", self._ask, self, "sparkles")
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(self.own, 1)
        row.addWidget(self.run)
        self.target = TintedLabel(self)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(GRID // 2)
        rows.addWidget(self.target)
        rows.addWidget(buttons)
        rows.addLayout(row)

    @staticmethod
    def _button(parent: QWidget, name: str, text: str) -> QToolButton:
        button = QToolButton(parent)
        button.setText(text)
        button.setAccessibleName(text)
        button.setObjectName(f"text.ask_{name}")
        return button

    def _ask(self) -> None:
        words = self.own.text().strip()
        if words:
            self.asked.emit("own", words)
        else:
            self.own.setFocus()

    def set_enabled(self, enabled: bool) -> None:
        """Allow asking, or not while a proposal is being written."""
        for button in (*self.buttons.values(), self.run):
            button.setEnabled(enabled)
