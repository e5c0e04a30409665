"""The choice between grid and list, and the size of the tiles."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button

SMALLEST_TILE, LARGEST_TILE = 96, 512
"""Range of the width of a tile in points."""


class ViewChoice(QWidget):
    """Object names: `history.as_list`, `history.as_grid`, `history.tile`."""

    grid_chosen = Signal(bool)
    tile_changed = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setObjectName("history.tile")
        self.slider.setAccessibleName(self.tr("Size of the tiles"))
        self.slider.setToolTip(self.tr("Size of the tiles (Ctrl+wheel)"))
        self.slider.setRange(SMALLEST_TILE, LARGEST_TILE)
        self.slider.setPageStep(32)
        self.slider.setFixedWidth(11 * GRID)
        self.slider.valueChanged.connect(self.tile_changed)
        self._list = self._button("list", self.tr("Show as a list"), "history.as_list")
        self._grid = self._button("grid-3x3", self.tr("Show as a grid"), "history.as_grid")
        self._list.clicked.connect(lambda: self.grid_chosen.emit(False))
        self._grid.clicked.connect(lambda: self.grid_chosen.emit(True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self.slider, self._list, self._grid):
            row.addWidget(widget)

    @property
    def is_grid(self) -> bool:
        """Whether the grid is chosen."""
        return self._grid.isChecked()

    def show_choice(self, is_grid: bool) -> None:
        """Show which of both is chosen."""
        self._grid.setChecked(is_grid)
        self._list.setChecked(not is_grid)
        self.slider.setVisible(is_grid)

    def show_tile(self, tile: int) -> None:
        """Show the size of the tiles."""
        before = self.slider.blockSignals(True)
        self.slider.setValue(tile)
        self.slider.blockSignals(before)

    def _button(self, icon_name: str, text: str, name: str) -> QToolButton:
        button = tool_button(icon_name, text, name, self)
        button.setCheckable(True)
        return button
