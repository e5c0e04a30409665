"""A picture with a caption and buttons below it, or an empty state."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import plain_label


class PicturePanel(QWidget):
    """Shows the empty state until `show_content`. `name` is the prefix of object names.

    The owner requests pictures from `loader` and shows them on `canvas`.
    """

    def __init__(self, name: str, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loader = PictureLoader(self)
        self.canvas = PictureCanvas(self)
        self.canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.caption = plain_label(parent=self)
        self.caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        mute(self.caption)
        self.folder = tool_button("folder-open", tr("Open folder"), f"{name}.folder")
        self.folder.setEnabled(False)
        self._bar = QHBoxLayout()
        self._bar.addWidget(self.caption, 1)
        self._bar.addWidget(self.folder)
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
        """Insert widgets between the caption and the "Open folder" button."""
        self._bar.setSpacing(spacing)
        for widget in widgets:
            self._bar.insertWidget(self._bar.count() - 1, widget)

    def add_below(self, widget: QWidget) -> None:
        """Add a widget below the bar."""
        self._column.addWidget(widget)

    def show_content(self) -> None:
        """Show the picture, its caption and its buttons."""
        self._stack.setCurrentIndex(1)

    def show_empty(self) -> None:
        """Show the empty state."""
        self._stack.setCurrentIndex(0)
