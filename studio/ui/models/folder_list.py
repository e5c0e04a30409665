"""The folders that the user added, with what is in them, and a way to remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.ui.models.added_folders import report_text
from studio.ui.style.theme import GRID, emphasise
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.scroll_column import ScrollColumn

if TYPE_CHECKING:
    from studio.models.folders.report import FolderReport

_MOST_HEIGHT = 12 * GRID


class FolderList(QWidget):
    """Hidden while there are none."""

    removed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("models.folders")
        title = plain_label(self.tr("Folders of other programs"), self)
        emphasise(title)
        self._rows = ScrollColumn(self)
        self._rows.setMinimumHeight(4 * GRID)
        self._rows.setMaximumHeight(_MOST_HEIGHT)
        self._shown: list[QWidget] = []
        self.reports: tuple[FolderReport, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(title)
        layout.addWidget(self._rows)
        self.hide()

    def show_reports(self, reports: tuple[FolderReport, ...]) -> None:
        """Show these folders."""
        if reports == self.reports:
            return
        self.reports = reports
        for widget in self._shown:
            widget.hide()
            widget.deleteLater()
        self._shown = [self._row(report) for report in reports]
        for widget in self._shown:
            self._rows.add(widget)
        self.setVisible(bool(reports))

    def _row(self, report: FolderReport) -> QWidget:
        row = QWidget(self)
        text = StatusLine(row)
        text.set_text(report_text(report))
        remove = tool_button("x", self.tr("Stop using this folder; its files stay"), parent=row)
        remove.clicked.connect(lambda: self.removed.emit(report.path))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text, 1)
        layout.addWidget(remove)
        return row
