"""The results of a job as a list, one for each variation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.icons import icon
from studio.ui.widgets.plain_text import plain_tooltip

if TYPE_CHECKING:
    from studio.library.records import Asset

_MOST_LINES = 6


class Takes(QListWidget):
    """Hidden while there are fewer than two. `title` names a result in the list."""

    chosen = cast("TypedSignal[Asset]", Signal(object))

    def __init__(
        self, name: str, icon_name: str, title: Callable[[Asset], str], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._icon = icon_name
        self._title = title
        self._assets: list[Asset] = []
        self.setObjectName(name)
        self.setAccessibleName(self.tr("Variations"))
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setVisible(False)
        self.currentRowChanged.connect(self._row_changed)

    def clear_all(self) -> None:
        """Forget the results of the last job."""
        self._assets = []
        self.clear()
        self.setVisible(False)

    def add(self, asset: Asset) -> None:
        """Add a result; the first is chosen."""
        self._assets.append(asset)
        item = QListWidgetItem(icon(self._icon), self._title(asset))
        item.setToolTip(plain_tooltip(asset.path.name))
        self.addItem(item)
        if self.count() == 1:
            self.setCurrentRow(0)
        self.setVisible(self.count() > 1)
        lines = min(self.count(), _MOST_LINES)
        self.setFixedHeight(lines * (self.sizeHintForRow(0) + 2) + 4)

    def _row_changed(self, row: int) -> None:
        if 0 <= row < len(self._assets):
            self.chosen.emit(self._assets[row])
