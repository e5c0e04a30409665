"""The panel at the side with what the model is told and how it chooses its words."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.text import KIND
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.text.text_controls import TextControls

WIDTH = 36 * GRID


class OptionsPanel(QFrame):
    """Object names: `text.system`, `text.more`, `text.enter_sends`, …"""

    closed = Signal()

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
        self.enter_sends = QCheckBox(self.tr("Enter sends"), self)
        self.enter_sends.setToolTip(self.tr("Shift+Enter then starts a new line"))
        self.enter_sends.setObjectName("text.enter_sends")
        column = ScrollColumn(fills=True)
        for widget in (
            label,
            self.system,
            self.controls.max_tokens,
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
