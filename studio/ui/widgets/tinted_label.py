"""A label whose colour has a meaning, in light and in dark."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QLabel, QWidget

from studio.ui.style.theme import Kind, kind_colour


class TintedLabel(QLabel):
    """Quiet at first; `show_text` gives it a text and the colour of its kind."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: Kind | None = None
        self._tinting = False
        self._tint()

    def show_text(self, text: str, kind: Kind | None = None) -> None:
        """Say something; None is the quiet colour."""
        self.setText(text)
        if kind != self._kind:
            self._kind = kind
            self._tint()

    def _tint(self) -> None:
        self._tinting = True
        palette = QPalette()
        if self._kind is None:
            self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        else:
            self.setForegroundRole(QPalette.ColorRole.WindowText)
            palette.setColor(
                QPalette.ColorRole.WindowText, kind_colour(self._kind, QGuiApplication.palette())
            )
        self.setPalette(palette)
        self._tinting = False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self._tinting:
            self._tint()
