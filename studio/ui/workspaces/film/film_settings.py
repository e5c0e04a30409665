"""The size and the file format of the film, and a dialog with more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from studio.kinds.film import KIND
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_tooltip
from studio.ui.workspaces.film.film_more import NUMBERS, FilmMore

_SIZES = ((1280, 720), (1920, 1080), (720, 1280), (1080, 1920), (1080, 1080))
_FORMATS = {"mp4": "MP4", "mkv": "Matroska", "webm": "WebM"}
_OWN = frozenset({"width", "height", "format", "sound", *NUMBERS})


class FilmSettings(QWidget):
    """Object names: `film.size`, `film.format`, `film.more`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rest: dict[str, Any] = {}
        self.size_box = QComboBox(self)
        self.size_box.setObjectName("film.size")
        self.size_box.setAccessibleName(self.tr("Size"))
        for size in _SIZES:
            self._add_size(size)
        self.format_box = QComboBox(self)
        self.format_box.setObjectName("film.format")
        self.format_box.setAccessibleName(tr(KIND.fields["format"].label))
        for value, title in _FORMATS.items():
            self.format_box.addItem(title, value)
        self.more = FilmMore(self)
        self.more.changed.connect(self.changed)
        self.more_button = tool_button(
            "sliders-horizontal", self.more.windowTitle() + "…", "film.more", self
        )
        self.more_button.clicked.connect(self.more.open)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for box in (self.size_box, self.format_box):
            box.setToolTip(plain_tooltip(box.accessibleName()))
            box.activated.connect(lambda _: self.changed.emit())
            row.addWidget(box)
        row.addWidget(self.more_button)

    def options(self) -> dict[str, Any]:
        """Return the fields of the film's request."""
        width, height = self.size_box.currentData()
        form = self.format_box.currentData()
        own = {"width": width, "height": height, "format": form, **self.more.options()}
        return {**self._rest, **own}

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Show the fields of a request; those that have no control are kept."""
        self._rest = {name: value for name, value in options.items() if name not in _OWN}
        self.more.set_options(options)
        try:
            size = int(options.get("width", _SIZES[0][0])), int(options.get("height", _SIZES[0][1]))
        except (TypeError, ValueError):
            size = _SIZES[0]
        if self._place_of(size) < 0:
            self._add_size(size)
        self.size_box.setCurrentIndex(self._place_of(size))
        self.format_box.setCurrentIndex(max(0, self.format_box.findData(options.get("format"))))

    def _add_size(self, size: tuple[int, int]) -> None:
        self.size_box.addItem(f"{size[0]} × {size[1]}", size)

    def _place_of(self, size: tuple[int, int]) -> int:
        places = range(self.size_box.count())
        return next((n for n in places if tuple(self.size_box.itemData(n)) == size), -1)
