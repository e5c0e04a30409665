"""A label whose colour has a meaning, in light and in dark."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QWidget

from studio.ui.theme import Kind, kind_colour


class TintedLabel(QLabel):
    """Quiet at first; `show_text` gives it a text and the colour of its kind."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: Kind | None = None
        self._tint()

    def show_text(self, text: str, kind: Kind | None = None) -> None:
        """Say something; None is the quiet colour."""
        self.setText(text)
        if kind != self._kind:
            self._kind = kind
            self._tint()

    def _tint(self) -> None:
        if self._kind is None:
            self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            self.setPalette(QPalette())
            return
        self.setForegroundRole(QPalette.ColorRole.WindowText)
        palette = QPalette()
        palette.setColor(
            QPalette.ColorRole.WindowText, kind_colour(self._kind, self.window().palette())
        )
        self.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._tint()
