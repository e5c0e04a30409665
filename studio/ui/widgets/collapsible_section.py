"""A section whose body can be collapsed, for rarely used controls."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.widgets.badge import Badge


class CollapsibleSection(QWidget):
    """Collapsed at first. Add controls with `add`."""

    toggled = Signal(bool)

    def __init__(self, title: str, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton(self)
        self._title = title
        self.button.setText(title)
        self.button.setAutoRaise(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(QSize(16, 16))
        self.button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.button.setObjectName(name)
        self.button.setAccessibleName(title)
        self.body = QWidget(self)
        self.body.hide()
        self._body_layout = QVBoxLayout(self.body)
        self._body_layout.setContentsMargins(0, GRID // 2, 0, 0)
        self._body_layout.setSpacing(GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.badge = Badge(self)
        head = QHBoxLayout()
        head.setSpacing(GRID // 2)
        head.addWidget(self.button)
        head.addWidget(self.badge)
        head.addStretch(1)
        layout.addLayout(head)
        layout.addWidget(self.body)
        self._open = False
        self.button.clicked.connect(lambda: self._show(not self._open))
        self._show(False)

    def add(self, widget: QWidget) -> None:
        """Append a control to the body."""
        self._body_layout.addWidget(widget)

    def set_title(self, title: str) -> None:
        """Change the title."""
        self._title = title
        self.button.setText(title)
        self.button.setAccessibleName(title)

    def set_badge(self, count: int) -> None:
        """Show how many controls inside differ from their defaults."""
        self.badge.set_count(count)
        self.button.setAccessibleName(self._title if count == 0 else f"{self._title} ({count})")

    def is_open(self) -> bool:
        """Return whether the section is expanded."""
        return self._open

    def set_open(self, is_open: bool) -> None:
        """Expand or collapse the section."""
        if is_open != self._open:
            self._show(is_open)

    def _show(self, is_open: bool) -> None:
        self._open = is_open
        self.body.setVisible(is_open)
        self.button.setIcon(icon("chevron-down" if is_open else "chevron-right"))
        self.toggled.emit(is_open)
