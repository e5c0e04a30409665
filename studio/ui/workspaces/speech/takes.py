"""The results of a job as a list: one for each voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from studio.ui.style.icons import icon
from studio.ui.widgets.plain_text import plain_tooltip
from studio.ui.workspaces.speech.speech_controls import voice_title

if TYPE_CHECKING:
    from studio.library.records import Asset

_ID = Qt.ItemDataRole.UserRole


class Takes(QListWidget):
    """Object name `speech.takes`. Hidden while there are fewer than two."""

    chosen = Signal(str)
    """The id of a result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("speech.takes")
        self.setAccessibleName(self.tr("Variations"))
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setVisible(False)
        self.currentItemChanged.connect(self._current_changed)

    def clear_all(self) -> None:
        """Forget the results of the last job."""
        self.clear()
        self.setVisible(False)

    def add(self, asset: Asset) -> None:
        """Add a result; the first is chosen."""
        voice = str(getattr(asset.recipe.request, "voice", ""))
        item = QListWidgetItem(icon("audio-lines"), voice_title(voice))
        item.setData(_ID, asset.id)
        item.setToolTip(plain_tooltip(asset.path.name))
        self.addItem(item)
        if self.count() == 1:
            self.setCurrentItem(item)
        self.setVisible(self.count() > 1)
        self.setFixedHeight(min(self.count(), 6) * (self.sizeHintForRow(0) + 2) + 4)

    def _current_changed(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(str(item.data(_ID)))
