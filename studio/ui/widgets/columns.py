"""The two columns of a tab: controls on the left, the result on the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

LEFT_SHARE = 0.38
"""Initial fraction of the tab's width, which leaves at least 60 % for the result."""


class Columns(QSplitter):
    """Keeps `LEFT_SHARE` when resized, until the user moves the divider.

    With `left_width`, the left column is never wider than that by itself.
    """

    def __init__(
        self,
        left: QWidget,
        right: QWidget,
        parent: QWidget | None = None,
        *,
        left_width: int = 100_000,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._user_moved = False
        self._left_width = left_width
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        self.addWidget(left)
        self.addWidget(right)
        self.setStretchFactor(0, 0)
        self.setStretchFactor(1, 1)
        self.splitterMoved.connect(self._moved)

    def chosen_sizes(self) -> list[int]:
        """Return the widths set by the user in pixels, or an empty list."""
        return self.sizes() if self._user_moved else []

    def set_chosen_sizes(self, sizes: list[int]) -> None:
        """Restore widths from `chosen_sizes`; an empty list changes nothing."""
        if len(sizes) == 2 and min(sizes) > 0:
            self._user_moved = True
            self.setSizes(sizes)

    def _moved(self, _position: int, _index: int) -> None:
        self._user_moved = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._user_moved:
            left = min(self._left_width, round(self.width() * LEFT_SHARE))
            self.setSizes([left, self.width() - left])
