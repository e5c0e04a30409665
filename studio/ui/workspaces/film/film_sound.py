"""The sound below the film: a file with music, or none."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from studio.formats.suffixes import AUDIO
from studio.kinds.film import KIND
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.plain_text import plain_label, plain_tooltip


class FilmSound(QWidget):
    """Object names: `film.sound.choose`, `.clear`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = ""
        field = KIND.fields["sound"]
        label = plain_label(tr(field.label), self)
        label.setToolTip(plain_tooltip(tr(field.help)))
        self._name = ElidedLabel("", self)
        self.choose_button = tool_button(
            "music", self.tr("Choose sound…"), "film.sound.choose", self
        )
        self.choose_button.clicked.connect(self._choose)
        self.clear_button = tool_button("x", self.tr("No sound"), "film.sound.clear", self)
        self.clear_button.clicked.connect(lambda: self._take(""))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(label)
        row.addWidget(self._name, 1)
        row.addWidget(self.choose_button)
        row.addWidget(self.clear_button)
        self.set_path("")

    def path(self) -> str:
        """The path of the file, "" for none."""
        return self._path

    def set_path(self, path: str) -> None:
        """Show a file."""
        self._path = path
        self._name.set_text(Path(path).name if path else self.tr("none"))
        self._name.setToolTip(plain_tooltip(path))
        self.clear_button.setEnabled(bool(path))

    def _choose(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in AUDIO)
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Choose sound…"), "", f"{self.tr('Sounds')} ({kinds})"
        )
        if name:
            self._take(name)

    def _take(self, path: str) -> None:
        self.set_path(path)
        self.changed.emit()
