"""The less usual settings of the film: cross-fade, frame rate, quality and sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from studio.kinds.film import KIND
from studio.ui.fields.number_field import number_field
from studio.ui.style.theme import GRID
from studio.ui.workspaces.film.film_sound import FilmSound

NUMBERS = ("fade", "fps", "quality")
_SLIDERS = {"fade": (0.0, 3.0), "quality": (40.0, 95.0)}
_WIDTH = 44 * GRID


class FilmMore(QDialog):
    """Object names: `film.fade`, `.fps`, `.quality`, `.sound.choose`. Changes count at once."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("film.more_dialog")
        self.setWindowTitle(self.tr("Film settings"))
        self.setMinimumWidth(_WIDTH)
        self.numbers = {
            name: number_field(KIND, name, slider=_SLIDERS.get(name)) for name in NUMBERS
        }
        self.sound = FilmSound(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(GRID)
        for field in self.numbers.values():
            layout.addWidget(field)
            field.changed.connect(self.changed)
        layout.addWidget(self.sound)
        layout.addStretch()
        layout.addWidget(buttons)
        self.sound.changed.connect(self.changed)

    def options(self) -> dict[str, Any]:
        """Return what differs from the usual values, as fields of a request."""
        found: dict[str, Any] = {
            name: value
            for name, field in self.numbers.items()
            if (value := field.float_value()) != KIND.fields[name].default
        }
        if "quality" in found:
            found["quality"] = round(found["quality"])
        if self.sound.path():
            found["sound"] = {"path": self.sound.path()}
        return found

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Show the fields of a request. What is no number or no path counts as not set."""
        for name, field in self.numbers.items():
            value = options.get(name)
            usual = KIND.fields[name].default
            field.set_value(value if isinstance(value, (int, float)) else usual)
        sound = options.get("sound")
        path = sound.get("path") if isinstance(sound, Mapping) else ""
        self.sound.set_path(path if isinstance(path, str) else "")
