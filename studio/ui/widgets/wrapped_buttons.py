"""Buttons in as many lines as their width needs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from studio.ui.style.theme import GRID


class WrappedButtons(QWidget):
    """As high as its lines; of height 0 without buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: Sequence[QAbstractButton] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_buttons(self, buttons: Sequence[QAbstractButton]) -> None:
        """Show these buttons, whose parent this widget is, and delete the present ones."""
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = buttons
        for button in buttons:
            button.show()
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.height())

    def _arrange(self) -> None:
        x = y = height = 0
        for button in self._buttons:
            size = button.sizeHint().boundedTo(QSize(max(1, self.width()), 1000))
            if x and x + size.width() > self.width():
                x, y = 0, y + height + GRID // 2
            button.setGeometry(x, y, size.width(), size.height())
            x, height = x + size.width() + GRID // 2, size.height()
        if self.height() != y + height:
            self.setFixedHeight(y + height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
