"""A label in the colour of a severity, in light and dark."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QWidget

from studio.ui.style.theme import Severity, severity_colour
from studio.ui.widgets.plain_text import PlainLabel


class TintedLabel(PlainLabel):
    """Uses the secondary text colour until `show_text` is given a severity."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._severity: Severity | None = None
        self._tinting = False
        self._tint()

    def show_text(self, text: str, severity: Severity | None = None) -> None:
        """Show a text; None is the secondary text colour."""
        self.setText(text)
        if severity != self._severity:
            self._severity = severity
            self._tint()

    def _tint(self) -> None:
        self._tinting = True
        palette = QPalette()
        if self._severity is None:
            self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        else:
            self.setForegroundRole(QPalette.ColorRole.WindowText)
            palette.setColor(
                QPalette.ColorRole.WindowText,
                severity_colour(self._severity, QGuiApplication.palette()),
            )
        self.setPalette(palette)
        self._tinting = False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self._tinting:
            self._tint()
