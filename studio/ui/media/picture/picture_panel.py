"""A picture with a caption and buttons below it, or an empty state."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from studio.ui.media.picture.canvas import LARGEST_FIT, PictureCanvas
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.tinted_label import TintedLabel


class PicturePanel(QWidget):
    """Shows the empty state until `show_content`.

    The owner requests pictures from `loader` and shows them on `canvas`. `message` stands in the
    middle of the canvas while there is no picture to see.
    """

    def __init__(self, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loader = PictureLoader(self)
        self.canvas = PictureCanvas(self, largest_fit=LARGEST_FIT)
        self.canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.message = TintedLabel(self.canvas)
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.hide()
        middle = QVBoxLayout(self.canvas)
        middle.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        middle.addWidget(self.message)
        self.caption = StatusLine(self)
        mute(self.caption)
        self._bar = QHBoxLayout()
        self._bar.addWidget(self.caption, 1)
        content = QWidget(self)
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID)
        self._column.addWidget(self.canvas, 1)
        self._column.addLayout(self._bar)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def add_to_bar(self, *widgets: QWidget, spacing: int = GRID) -> None:
        """Add widgets to the right of the caption."""
        self._bar.setSpacing(spacing)
        for widget in widgets:
            self._bar.addWidget(widget)

    def add_below(self, widget: QWidget) -> None:
        """Add a widget below the bar."""
        self._column.addWidget(widget)

    @property
    def is_empty(self) -> bool:
        """Whether the empty state is shown."""
        return self._stack.currentIndex() == 0

    def show_content(self) -> None:
        """Show the picture, its caption and its buttons."""
        self._stack.setCurrentIndex(1)

    def show_empty(self) -> None:
        """Show the empty state."""
        self._stack.setCurrentIndex(0)
