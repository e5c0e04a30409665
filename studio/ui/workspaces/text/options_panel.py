"""The panel at the side with what the model is told and how it chooses its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.text import KIND, TextRequest
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.text.answer_form_section import AnswerFormSection
from studio.ui.workspaces.text.text_controls import TextControls
from studio.ui.workspaces.text.values import TextValues

WIDTH = 36 * GRID


class OptionsPanel(QFrame):
    """Object names: `text.system`, `text.more`, `text.enter_sends`, …"""

    closed = Signal()
    changed = Signal()
    """A value of a section, or whether it is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setFixedWidth(WIDTH)
        heading = plain_label(self.tr("Options"), self)
        emphasise(heading)
        close = tool_button("x", self.tr("Close the options"), "text.options_close", self)
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.addWidget(heading, 1)
        head.addWidget(close)
        field = KIND.fields["system_prompt"]
        label = plain_label(tr(field.label), self)
        self.system = PromptEdit(
            self.tr("How the model should behave, e.g. “You answer in one sentence.”"),
            "text.system",
        )
        self.system.setAccessibleName(tr(field.label))
        self.system.setToolTip(plain_tooltip(tr(field.help)))
        self.system.grow(3, 10)
        label.setBuddy(self.system)
        self.controls = TextControls()
        self.form = AnswerFormSection()
        self.enter_sends = QCheckBox(self.tr("Enter sends"), self)
        self.enter_sends.setToolTip(self.tr("Shift+Enter then starts a new line"))
        self.enter_sends.setObjectName("text.enter_sends")
        column = ScrollColumn(fills=True)
        for widget in (
            label,
            self.system,
            self.controls.max_tokens,
            self.form,
            self.controls,
            self.enter_sends,
        ):
            column.add(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(column, 1)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self._sections = (self.form, self.controls)
        for signal in (self.form.changed, self.form.toggled, self.controls.changed):
            signal.connect(self.changed)

    def fields(self) -> dict[str, Any]:
        """Return the fields of a request that the sections hold."""
        return self.form.values() | self.controls.values()

    def show_values(self, values: TextValues | TextRequest) -> None:
        """Show the values of the sections; the seed stays unchanged."""
        for section in self._sections:
            section.show_values(values)

    def store_values(self, values: TextValues) -> None:
        """Store the values of the sections, and which of them are open."""
        for section in self._sections:
            section.store_values(values)

    def show_open(self, values: TextValues) -> None:
        """Open the sections that were open."""
        self.form.set_open(values.form_open)
        self.controls.set_open(values.more_open)

    def show_badges(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Count the values in each section; return those that are out of sight."""
        hidden: dict[str, str] = {}
        for section in self._sections:
            folded = {name: texts[name] for name in section.folded if name in texts}
            section.set_badge(len(folded))
            if self.isHidden() or not section.is_open():
                hidden |= folded
        return hidden

    def reset(self, name: str) -> None:
        """Give a field its default."""
        section = self.form if name in self.form.folded else self.controls
        section.reset(name)
