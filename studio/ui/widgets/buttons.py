"""Primary, dialog and tool buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import emphasise
from studio.ui.widgets.plain_text import plain_tooltip


class PrimaryButton(QPushButton):
    """The accent-coloured main action of a tab or dialog."""

    def __init__(self, text: str, icon_name: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        # The style sheet of the application looks for it.
        self.setProperty("primary", True)
        self.setIcon(icon(icon_name, "on_accent"))
        self.setObjectName(name)
        self.setAccessibleName(text)
        emphasise(self)


def dialog_button(
    text: str, name: str, on_click: Callable[[], object], parent: QWidget, icon_name: str = ""
) -> QPushButton:
    """Create a dialog button that Enter only activates while it has the focus."""
    button = QPushButton(text, parent)
    if icon_name:
        button.setIcon(icon(icon_name))
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: on_click())
    return button


def tool_button(
    icon_name: str, text: str, name: str = "", parent: QWidget | None = None
) -> QToolButton:
    """Create a flat icon button; `text` is its tooltip and accessible name."""
    button = QToolButton(parent)
    button.setIcon(icon(icon_name))
    button.setToolTip(plain_tooltip(text))
    button.setAccessibleName(text)
    button.setObjectName(name)
    button.setAutoRaise(True)
    return button
