"""What a view shows while it has nothing to show: what it is for, and what to do first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.ui.style.icons import icon_pixmap
from studio.ui.style.theme import GRID, enlarge, mute


class EmptyState(QWidget):
    """An icon, a title, a sentence or two, and buttons for what can be done about it."""

    def __init__(
        self,
        picture: str,
        title: str,
        text: str,
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture = picture
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._title = QLabel(title, self)
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._title.setWordWrap(True)
        enlarge(self._title)
        self._text = QLabel(text, self)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text.setWordWrap(True)
        self._text.setMaximumWidth(52 * GRID)
        mute(self._text)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        layout = QVBoxLayout(self)
        layout.setSpacing(GRID)
        layout.addStretch(2)
        layout.addWidget(self._icon)
        layout.addWidget(self._title)
        wrapped = QHBoxLayout()
        wrapped.addStretch(1)
        wrapped.addWidget(self._text, 100)
        wrapped.addStretch(1)
        layout.addLayout(wrapped)
        layout.addSpacing(GRID)
        layout.addLayout(self._buttons)
        layout.addStretch(3)
        self.set_actions(actions)
        self._draw()

    def set_text(self, title: str, text: str) -> None:
        """Say something else."""
        self._title.setText(title)
        self._text.setText(text)

    def set_actions(self, actions: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Offer these actions, each a text and what it does."""
        while (item := self._buttons.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._buttons.addStretch(1)
        for text, action in actions:
            button = QPushButton(text, self)
            button.setAccessibleName(text)
            button.clicked.connect(lambda _checked=False, act=action: act())
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)

    def _draw(self) -> None:
        colour = self.palette().color(QPalette.ColorRole.PlaceholderText)
        self._icon.setPixmap(icon_pixmap(self._picture, 40, colour, self.devicePixelRatioF()))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()
        super().changeEvent(event)
