"""The one accent-coloured action of a tab, and small quiet buttons with an icon."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import emphasise

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
    """The action a tab is there for."""

    def __init__(self, text: str, picture: str, name: str, parent: QWidget | None = None) -> None:
        self._reading = False
        super().__init__(text, parent)
        self.setIcon(icon(picture, "on_accent"))
        self.setObjectName(name)
        self.setAccessibleName(text)
        self._reading = True
        self.setStyleSheet(_PRIMARY)
        self._reading = False
        emphasise(self)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # Style sheets keep the colours of the palette they were read with.
        if event.type() == QEvent.Type.PaletteChange and not self._reading:
            self._reading = True
            self.setStyleSheet(_PRIMARY)
            self._reading = False


def dialog_button(
    text: str, name: str, act: Callable[[], object], parent: QWidget, picture: str = ""
) -> QPushButton:
    """Return a button of a dialog, which Enter does not press unless it has the focus."""
    button = QPushButton(text, parent)
    if picture:
        button.setIcon(icon(picture))
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: act())
    return button


def tool_button(
    picture: str, text: str, name: str = "", parent: QWidget | None = None
) -> QToolButton:
    """Return a flat button with an icon; `text` is its tooltip and accessible name."""
    button = QToolButton(parent)
    button.setIcon(icon(picture))
    button.setToolTip(text)
    button.setAccessibleName(text)
    button.setObjectName(name)
    button.setAutoRaise(True)
    return button
