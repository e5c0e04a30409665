"""How the picture on the canvas was made, beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.plain_text import breakable, plain_label, plain_tooltip
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.shortened import shortened

WIDTH = 27 * GRID

_BETWEEN = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[/\\_])(?=\w)")
_LONGEST_WORD = 20
_LONGEST = 240
"""Characters of a value; the tooltip has more, Copy has all that is listed."""


class RecipePanel(QFrame):
    """Object names `image.recipe`, `image.recipe.use`, `.seed`, `.copy`."""

    use_requested = Signal()
    seed_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("image.recipe")
        self.setAccessibleName(self.tr("Recipe"))
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setFixedWidth(WIDTH)
        self._rows: Sequence[tuple[str, str]] = ()
        self._path: Path | None = None
        title = plain_label(self.tr("Recipe"), self)
        emphasise(title)
        self._column = ScrollColumn(self, fills=True)
        self._shown: list[QWidget] = []
        self._empty = plain_label(
            self.tr("What made a picture is listed here as soon as it is finished."), self
        )
        self._empty.setWordWrap(True)
        mute(self._empty)
        use = self.tr("Use these settings")
        self.use = dialog_button(
            use, "image.recipe.use", self.use_requested.emit, self, "sliders-horizontal"
        )
        self.seed = dialog_button(
            self.tr("Use seed"), "image.recipe.seed", self.seed_requested.emit, self
        )
        self.seed.setToolTip(self.tr("Use this seed for the next pictures"))
        self.copy = dialog_button(self.tr("Copy"), "image.recipe.copy", self._copy, self)
        self.copy.setToolTip(self.tr("Copy the recipe as text"))
        self.copy.setIcon(icon("copy"))
        last = QHBoxLayout()
        last.setSpacing(GRID)
        last.addWidget(self.seed, 1)
        last.addWidget(self.copy, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(title)
        layout.addWidget(self._empty)
        layout.addWidget(self._column, 1)
        layout.addWidget(self.use)
        layout.addLayout(last)
        self.show_rows(())

    def rows(self) -> Sequence[tuple[str, str]]:
        """Return what is listed."""
        return self._rows

    def show_rows(self, rows: Sequence[tuple[str, str]], path: Path | None = None) -> None:
        """List names and values; nothing while a picture is not finished.

        Of `path`, where it is one of the values, only the end is shown.
        """
        self._rows = rows
        self._path = path
        for widget in self._shown:
            widget.hide()
            widget.deleteLater()
        self._shown = [self._entry(name, value) for name, value in rows]
        for widget in self._shown:
            self._column.add(widget)
        self._column.show_top()
        self._empty.setVisible(not rows)
        buttons: tuple[QPushButton, ...] = (self.use, self.seed, self.copy)
        for button in buttons:
            button.setEnabled(bool(rows))

    def _entry(self, name: str, value: str) -> QWidget:
        entry = QWidget(self)
        head = plain_label(name, entry)
        is_path = self._path is not None and value == str(self._path)
        shown = _end_of(self._path) if self._path is not None and is_path else value
        body = plain_label(_with_breaks(shortened(shown, _LONGEST)), entry)
        mute(head)
        font = head.font()
        if font.pointSizeF() > 0:
            font.setPointSizeF(font.pointSizeF() * 0.9)
            head.setFont(font)
        body.setWordWrap(True)
        body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if is_path or len(value) > _LONGEST:
            body.setToolTip(plain_tooltip(value))
        column = QVBoxLayout(entry)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(body)
        return entry

    def _copy(self) -> None:
        text = "\n".join(f"{name}: {value}" for name, value in self._rows)
        QGuiApplication.clipboard().setText(text)


def _end_of(path: Path) -> str:
    """Return the name of a file and of the folder that it is in."""
    return f"…/{path.parent.name}/{path.name}"


def _with_breaks(value: str) -> str:
    """Return a value that may be broken inside of paths and of names of classes."""
    parts = _BETWEEN.split(value)
    return "\u200b".join(breakable(part, _LONGEST_WORD) for part in parts)
