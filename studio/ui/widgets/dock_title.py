"""The title bar of a dock, aligned with its content."""

from __future__ import annotations

from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QWidget

from studio.ui.style.theme import GRID, emphasise
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label


class DockTitle(QWidget):
    """Dragging it moves the dock; the button closes the dock."""

    def __init__(self, title: str, dock: QDockWidget) -> None:
        super().__init__(dock)
        label = plain_label(title, self)
        emphasise(label)
        close = tool_button("x", self.tr("Hide {name}").format(name=title), parent=self)
        close.clicked.connect(dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, GRID // 2, GRID, 0)
        row.addWidget(label, 1)
        row.addWidget(close)
