"""A section for rarely used controls, folded away until it is wanted."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID


class CollapsibleSection(QWidget):
    """A title that folds its body in and out. Add controls with `add`."""

    toggled = Signal(bool)

    def __init__(self, title: str, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton(self)
        self.button.setText(title)
        self.button.setAutoRaise(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(QSize(16, 16))
        self.button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.button.setObjectName(name)
        self.button.setAccessibleName(title)
        self.body = QWidget(self)
        self.body.hide()
        self._inside = QVBoxLayout(self.body)
        self._inside.setContentsMargins(0, GRID // 2, 0, 0)
        self._inside.setSpacing(GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.button)
        layout.addWidget(self.body)
        self._open = False
        self.button.clicked.connect(lambda: self._show(not self._open))
        self._show(False)

    def add(self, widget: QWidget) -> None:
        """Put a control at the end of the body."""
        self._inside.addWidget(widget)

    def is_open(self) -> bool:
        """Return whether the body is shown."""
        return self._open

    def set_open(self, wanted: bool) -> None:
        """Fold the body out or in."""
        if wanted != self._open:
            self._show(wanted)

    def _show(self, wanted: bool) -> None:
        self._open = wanted
        self.body.setVisible(wanted)
        self.button.setIcon(icon("chevron-down" if wanted else "chevron-right"))
        self.toggled.emit(wanted)
