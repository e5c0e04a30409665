"""Steps through versions: ‹ 2/3 ›."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label


class VersionSwitch(QWidget):
    """Hidden while there is only one version."""

    picked = Signal(int)
    """The index of the version to show."""

    def __init__(self, earlier: str, later: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._index = 0
        self.earlier = tool_button("chevron-left", earlier, parent=self)
        self.later = tool_button("chevron-right", later, parent=self)
        for button, name in ((self.earlier, "chevron-left"), (self.later, "chevron-right")):
            button.setIcon(icon(name, "muted"))
        self.earlier.clicked.connect(lambda: self.picked.emit(self._index - 1))
        self.later.clicked.connect(lambda: self.picked.emit(self._index + 1))
        self._place = plain_label(parent=self)
        mute(self._place)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget in (self.earlier, self._place, self.later):
            row.addWidget(widget)
        self.hide()

    def show_version(self, index: int, total: int) -> None:
        """Show which version of how many is shown."""
        self._index = index
        self._place.setText(f"{index + 1}/{total}")
        self.earlier.setEnabled(index > 0)
        self.later.setEnabled(index < total - 1)
        self.setVisible(total > 1)

    def text(self) -> str:
        """Return what is shown between the arrows."""
        return self._place.text()
