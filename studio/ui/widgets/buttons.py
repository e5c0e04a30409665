"""Primary, dialog and tool buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import emphasise
from studio.ui.widgets.plain_text import plain_tooltip

_PRIMARY = """
QPushButton { background: palette(accent); color: palette(highlighted-text); border: 1px solid
  palette(accent); border-radius: 4px; padding: 6px 18px; }
QPushButton:hover { border-color: palette(text); }
QPushButton:focus { border: 2px solid palette(text); padding: 5px 17px; }
QPushButton:pressed { background: palette(link); color: palette(base); }
QPushButton:disabled { background: palette(midlight); color: palette(placeholder-text);
  border-color: palette(midlight); }
"""


class PrimaryButton(QPushButton):
    """The accent-coloured main action of a tab or dialog."""

    def __init__(self, text: str, icon_name: str, name: str, parent: QWidget | None = None) -> None:
        self._applying_style = False
        super().__init__(text, parent)
        self.setIcon(icon(icon_name, "on_accent"))
        self.setObjectName(name)
        self.setAccessibleName(text)
        self._applying_style = True
        self.setStyleSheet(_PRIMARY)
        self._applying_style = False
        emphasise(self)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # Qt resolves palette() in a style sheet only when the sheet is set.
        if event.type() == QEvent.Type.PaletteChange and not self._applying_style:
            self._applying_style = True
            self.setStyleSheet(_PRIMARY)
            self._applying_style = False


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
