"""A file that a clip begins or ends with: its name and a thumbnail, and a button to choose it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.formats.suffixes import VIDEO
from studio.ui.media.picture.video_still import still_image
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

_SIDE = 48


class FileRow(QWidget):
    """Object names: `clip.<field>.choose`, `.clear`. `choose` asks for a file, "" for none."""

    changed = Signal()

    def __init__(
        self,
        state: AppState,
        field: str,
        title: str,
        choose: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._ask = choose
        self._path = ""
        self._is_used = True
        self._thumbnail = plain_label(parent=self)
        self._thumbnail.setFixedSize(_SIDE, _SIDE)
        self._thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._label = plain_label(title, self)
        self._name = ElidedLabel("", self)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self._note.show_text(self.tr("The chosen model does not use it."), "warning")
        self.choose_button = tool_button("image", title, f"clip.{field}.choose", self)
        self.choose_button.clicked.connect(self._choose)
        self.clear_button = tool_button(
            "x", tr("Remove") + ": " + title, f"clip.{field}.clear", self
        )
        self.clear_button.clicked.connect(lambda: self.set_path(""))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self._label)
        row.addWidget(self._thumbnail)
        row.addWidget(self._name, 1)
        row.addWidget(self.choose_button)
        row.addWidget(self.clear_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row)
        layout.addWidget(self._note)
        self._show()

    def path(self) -> str:
        """Return the path of the file, "" if there is none."""
        return self._path

    def set_path(self, path: str) -> None:
        """Choose a file, "" for none."""
        self._path = path
        self._thumbnail.clear()
        if path:

            def show(image: QImage) -> None:
                if self._path == path and not image.isNull():
                    self._thumbnail.setPixmap(QPixmap.fromImage(image))

            self._state.background.read(self, lambda: _thumbnail(Path(path)), show)
        self._show()
        self.changed.emit()

    def set_used(self, is_used: bool) -> None:
        """Say whether the chosen model uses the file."""
        self._is_used = is_used
        self._show()

    def _choose(self) -> None:
        path = self._ask()
        if path:
            self.set_path(path)

    def _show(self) -> None:
        has_file = bool(self._path)
        self._name.set_text(Path(self._path).name if has_file else "")
        self._name.setToolTip(plain_tooltip(self._path))
        self._thumbnail.setVisible(has_file)
        self.clear_button.setVisible(has_file)
        self._note.setVisible(has_file and not self._is_used)


def _thumbnail(path: Path) -> QImage:
    if path.suffix.lower() in VIDEO:
        return still_image(path, longest=_SIDE)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        reader.setScaledSize(size.scaled(QSize(_SIDE, _SIDE), Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()
