"""The queue of downloads: progress, speed, time left; pause, resume, cancel, order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from studio.protocol import readable_size
from studio.ui.models.delete_question import DeleteQuestion
from studio.ui.models.downloads import downloads_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button, tool_button
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.times import rough_duration_text
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.downloads.item import ItemStatus

_ASK_FROM = 50_000_000
"""Bytes on disk from which cancelling asks before it deletes them."""


class DownloadsPage(QWidget):
    """Object names: `downloads.view`, and in each row `downloads.pause`, `.cancel`, `.up`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._downloads = downloads_of(state)
        self.rows: dict[str, DownloadRow] = {}
        self.setObjectName("models.downloads")
        self.offline = TintedLabel(self)
        self.offline.setObjectName("downloads.offline")
        self.offline.setWordWrap(True)
        self.offline.hide()
        self._empty = EmptyState(
            "download",
            self.tr("No downloads"),
            self.tr("Models that you get appear here, and go on after a restart."),
            parent=self,
        )
        self._column = ScrollColumn(self, fills=True)
        self._column.content.setObjectName("downloads.view")
        self.clear = dialog_button(
            self.tr("Clear finished"),
            "downloads.clear",
            self._downloads.clear_finished,
            self,
            "list-x",
        )
        bottom = QHBoxLayout()
        bottom.addStretch(1)
        bottom.addWidget(self.clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.offline)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._column, 1)
        layout.addLayout(bottom)
        self._downloads.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the queue as it is; rows are kept."""
        statuses = self._downloads.statuses
        problem = self._downloads.offline
        self.offline.setVisible(problem is not None)
        if problem is not None:
            self.offline.show_text(translated(problem.message), "warning")
        for id in [id for id in self.rows if all(id != status.id for status in statuses)]:
            row = self.rows.pop(id)
            row.hide()
            row.deleteLater()
        for place, status in enumerate(statuses):
            shown = self.rows.get(status.id)
            if shown is None:
                shown = self.rows[status.id] = self._make_row(status.id)
            if self._column.place_of(shown) != place:
                self._column.add(shown, place)
            shown.show_status(status, is_first=place == 0)
        self._empty.setVisible(not statuses)
        self._column.setVisible(bool(statuses))
        self.clear.setEnabled(any(status.state == "done" for status in statuses))

    # ---- private

    def _make_row(self, id: str) -> DownloadRow:
        row = DownloadRow(self._column.content)
        row.pause.clicked.connect(lambda: self._pause_or_resume(row))
        row.up.clicked.connect(partial(self._move_up, id))
        row.cancel.clicked.connect(lambda: self._cancel(row))
        return row

    def _pause_or_resume(self, row: DownloadRow) -> None:
        status = row.status
        if status is None:
            return
        if status.state in ("running", "waiting"):
            self._downloads.pause(status.id)
        else:
            self._downloads.resume(status.id)

    def _move_up(self, id: str) -> None:
        ids = [status.id for status in self._downloads.statuses]
        if id in ids[1:]:
            self._downloads.move(id, ids[ids.index(id) - 1])

    def _cancel(self, row: DownloadRow) -> None:
        status = row.status
        if status is None:
            return
        if status.state == "done" or status.done < _ASK_FROM:
            self._downloads.cancel(status.id)
            return
        question = self.tr(
            "Cancel the download of {name}? The {size} downloaded so far are deleted."
        )
        dialog = DeleteQuestion(
            self.tr("Cancel the download"),
            question.format(name=one_line(status.title), size=readable_size(status.done)),
            self.tr("Cancel and delete"),
            self.tr("Go on"),
            self,
        )
        dialog.accepted.connect(lambda: self._downloads.cancel(status.id))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


class DownloadRow(QFrame):
    """One item of the queue."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.status: ItemStatus | None = None
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.name = StatusLine(self)
        emphasise(self.name)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.about = TintedLabel(self)
        self.about.setWordWrap(True)
        self.pause = tool_button("pause", self.tr("Pause"), "downloads.pause", self)
        self.up = tool_button("arrow-up", self.tr("Move up"), "downloads.up", self)
        self.cancel = tool_button("x", self.tr("Cancel"), "downloads.cancel", self)
        top = QHBoxLayout()
        top.setSpacing(GRID // 2)
        top.addWidget(self.name, 1)
        for button in (self.up, self.pause, self.cancel):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID // 2)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(self.about)

    def show_status(self, status: ItemStatus, *, is_first: bool) -> None:
        """Show an item as it is now."""
        if self.status is None or self.status.title != status.title:
            self.name.set_text(status.title)
            self.setAccessibleName(one_line(status.title))
        if self.status is None or self.status.state != status.state:
            self._show_buttons(status)
        self.up.setEnabled(not is_first and status.state != "done")
        self.status = status
        if status.total:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * status.done / status.total))
        else:
            self.bar.setRange(0, 0 if status.state == "running" else 1)
        is_problem = status.state == "failed"
        self.about.show_text(self._text(status), "error" if is_problem else None)

    def _show_buttons(self, status: ItemStatus) -> None:
        text = {
            "waiting": self.tr("Pause"),
            "running": self.tr("Pause"),
            "failed": self.tr("Try again"),
        }.get(status.state, self.tr("Resume"))
        names = {"waiting": "pause", "running": "pause", "failed": "rotate-ccw"}
        self.pause.setIcon(icon(names.get(status.state, "play")))
        self.pause.setText(text)
        self.pause.setToolTip(plain_tooltip(text))
        self.pause.setAccessibleName(text)
        is_failed = status.state == "failed"
        style = Qt.ToolButtonStyle
        self.pause.setToolButtonStyle(
            style.ToolButtonTextBesideIcon if is_failed else style.ToolButtonIconOnly
        )
        is_done = status.state == "done"
        for button in (self.pause, self.up):
            button.setVisible(not is_done)
        self.bar.setVisible(not is_done)
        cancel = self.tr("Take it off this list; the model stays") if is_done else self.tr("Cancel")
        self.cancel.setToolTip(plain_tooltip(cancel))
        self.cancel.setAccessibleName(cancel)

    def _text(self, status: ItemStatus) -> str:
        amount = readable_size(status.done)
        if status.total is not None and status.state != "done":
            amount = self.tr("{done} of {total}").format(
                done=amount, total=readable_size(status.total)
            )
        match status.state:
            case "done":
                return self.tr("Ready to use · {size}").format(size=amount)
            case "failed" if status.problem is not None:
                return f"{translated(status.problem.message)} ({amount})"
            case "paused":
                return self.tr("Paused · {amount}").format(amount=amount)
            case "waiting":
                return self.tr("Waiting · {amount}").format(amount=amount)
        if status.elsewhere:
            return self.tr("Another program downloads it · {amount}").format(amount=amount)
        parts = [amount]
        if status.speed:
            parts.append(
                self.tr("{speed} per second").format(speed=readable_size(int(status.speed)))
            )
        if status.seconds_left is not None:
            time = rough_duration_text(status.seconds_left)
            parts.append(self.tr("{time} left").format(time=time))
        return " · ".join(parts)
