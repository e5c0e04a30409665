"""A tab's two columns: what to ask on the left, the result on the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

LEFT_SHARE = 0.38
"""Of the tab's width at first; the result has at least 60 % until the user moves the divider."""


class Columns(QSplitter):
    """Keeps the share of the left column until the user moves the divider, then what they chose."""

    def __init__(self, left: QWidget, right: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._chosen = False
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        self.addWidget(left)
        self.addWidget(right)
        self.setStretchFactor(0, 0)
        self.setStretchFactor(1, 1)
        self.splitterMoved.connect(self._moved)

    def chosen_sizes(self) -> list[int]:
        """Return the widths the user chose, or an empty list."""
        return self.sizes() if self._chosen else []

    def set_chosen_sizes(self, sizes: list[int]) -> None:
        """Go back to widths the user chose earlier; an empty list changes nothing."""
        if len(sizes) == 2 and min(sizes) > 0:
            self._chosen = True
            self.setSizes(sizes)

    def _moved(self, _position: int, _index: int) -> None:
        self._chosen = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._chosen:
            left = round(self.width() * LEFT_SHARE)
            self.setSizes([left, self.width() - left])
