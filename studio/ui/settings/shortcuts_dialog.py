"""The list of keyboard shortcuts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QScrollArea, QWidget

from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.plain_text import plain_label

Row = tuple[str, str]
"""Keys, or several that are alternatives separated by two spaces; and what they do."""

Group = tuple[str, Sequence[Row]]


class ShortcutsDialog(QDialog):
    """Not modal; Esc closes it. `window` and `library` are what the window declares itself."""

    def __init__(
        self, window: Sequence[Row], library: Sequence[Row], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(96 * GRID, 72 * GRID)
        page = QWidget(self)
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 2 * GRID, 0)
        row.setSpacing(4 * GRID)
        for groups in ([(self.tr("Window"), window)], self._more(library)):
            row.addLayout(_column(groups, page), 1)
        area = QScrollArea(self)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(page)
        fill_dialog(self, area, close_buttons(self), stretched=area)

    def _more(self, library: Sequence[Row]) -> list[Group]:
        return [
            (
                self.tr("In the library"),
                [
                    ("Space  Return", self.tr("Show over the whole window")),
                    ("Left  Right", self.tr("Previous, next")),
                    *library,
                    ("Ctrl+A", self.tr("Select everything")),
                    ("Ctrl+Z", self.tr("Undo the last deletion")),
                ],
            ),
            (
                self.tr("In a picture"),
                [
                    ("+  -", self.tr("Zoom in, out")),
                    ("0", self.tr("Fit into the window")),
                    ("1", self.tr("Actual pixels")),
                ],
            ),
            (
                self.tr("Keep or reject"),
                [("K", self.tr("Keep")), ("X", self.tr("Reject")), ("Ctrl+Z", self.tr("Undo"))],
            ),
            (
                self.tr("In the queue"),
                [
                    ("Alt+Up  Alt+Down", self.tr("Move the selected jobs")),
                    ("Del", self.tr("Cancel, or remove from the list")),
                ],
            ),
        ]


def _column(groups: Sequence[Group], page: QWidget) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(3 * GRID)
    grid.setVerticalSpacing(GRID)
    grid.setColumnStretch(1, 1)
    for title, rows in groups:
        heading = plain_label(title, page)
        emphasise(heading)
        heading.setContentsMargins(0, 2 * GRID if grid.count() else 0, 0, 0)
        grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
        for keys, text in rows:
            shown, what = plain_label(_native(keys), page), plain_label(text, page)
            mute(shown)
            what.setWordWrap(True)
            line = grid.rowCount()
            grid.addWidget(shown, line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(what, line, 1, Qt.AlignmentFlag.AlignTop)
    grid.setRowStretch(grid.rowCount(), 1)
    return grid


def _native(keys: str) -> str:
    form = QKeySequence.SequenceFormat.NativeText
    return "  ".join(QKeySequence(one).toString(form) for one in keys.split("  "))
