"""The placeholder of a view without content: what it is for, and how to start."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.ui.style.icons import icon_pixmap
from studio.ui.style.theme import GRID, enlarge, mute
from studio.ui.widgets.plain_text import plain_label


class EmptyState(QWidget):
    """An icon, a title, a short text and action buttons."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str,
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._icon = plain_label(parent=self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._title = plain_label(title, self)
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._title.setWordWrap(True)
        enlarge(self._title)
        self._text = plain_label(text, self)
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
        self._update_icon()

    def set_text(self, title: str, text: str) -> None:
        """Replace the title and the text."""
        self._title.setText(title)
        self._text.setText(text)

    def set_actions(self, actions: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Replace the buttons; each action is a label and a callback."""
        while (item := self._buttons.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._buttons.addStretch(1)
        for text, action in actions:
            button = QPushButton(text, self)
            button.setAccessibleName(text)
            button.clicked.connect(lambda _checked=False, act=action: act())
            self._buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._buttons.addStretch(1)
        self._arrange_buttons()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_buttons()

    def _arrange_buttons(self) -> None:
        """Put the buttons below each other where they do not fit side by side."""
        items = (self._buttons.itemAt(place) for place in range(self._buttons.count()))
        found = [item.widget() for item in items if item is not None]
        widths = [button.sizeHint().width() + GRID for button in found if button is not None]
        fits = sum(widths) <= self.width() - 4 * GRID
        direction = QBoxLayout.Direction
        self._buttons.setDirection(direction.LeftToRight if fits else direction.TopToBottom)

    def _update_icon(self) -> None:
        colour = self.palette().color(QPalette.ColorRole.PlaceholderText)
        self._icon.setPixmap(icon_pixmap(self._icon_name, 40, colour, self.devicePixelRatioF()))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._update_icon()
        super().changeEvent(event)
