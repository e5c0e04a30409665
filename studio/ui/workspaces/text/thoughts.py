"""The folded thoughts above an answer."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from studio.formats.chat.thoughts import ThoughtAnswer
from studio.ui.style.theme import mute
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.workspaces.text.answer_text import AnswerText


class Thoughts(CollapsibleSection):
    """Folded at first; the text is laid out only while it is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Thoughts"), "text.thoughts", parent)
        mute(self.button)
        self._parts = ThoughtAnswer("")
        self._finished = True
        self._text: AnswerText | None = None
        self.toggled.connect(self._show_text)

    def show_thoughts(self, parts: ThoughtAnswer, finished: bool) -> None:
        """Show the thoughts of an answer; hidden if there are none."""
        self._parts, self._finished = parts, finished
        self.setVisible(bool(parts.thoughts))
        thinking = parts.is_thinking and not finished
        title = self.tr("Thinking…") if thinking else self.tr("Thoughts")
        self.button.setText(title)
        self.button.setAccessibleName(title)
        self._show_text()

    def _show_text(self, *_: object) -> None:
        if not self.is_open():
            return
        if self._text is None:
            self._text = AnswerText(True, self.body)
            self._text.setAccessibleName(self.tr("Thoughts"))
            self.add(self._text)
        still = self._parts.is_thinking and not self._finished
        self._text.show_answer(self._parts.thoughts, not still)
