"""The heading of a dock, in line with what is below it."""

from __future__ import annotations

from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QWidget

from studio.ui.style.theme import GRID, emphasise
from studio.ui.widgets.buttons import tool_button


class DockTitle(QWidget):
    """The dock is still moved by dragging its heading, and closed by the button."""

    def __init__(self, title: str, dock: QDockWidget) -> None:
        super().__init__(dock)
        label = QLabel(title, self)
        emphasise(label)
        close = tool_button("x", self.tr("Hide {name}").format(name=title), parent=self)
        close.clicked.connect(dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, GRID // 2, GRID, 0)
        row.addWidget(label, 1)
        row.addWidget(close)
