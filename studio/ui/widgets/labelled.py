"""A widget with its label above it."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.plain_text import plain_label


def labelled(text: str, widget: QWidget) -> QWidget:
    """Return a widget below its label."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(GRID // 2)
    label = plain_label(text, box)
    label.setBuddy(widget)
    column.addWidget(label)
    column.addWidget(widget)
    return box
