"""The queue of downloads: progress, speed, time left; pause, resume, cancel, order."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from studio.protocol import readable_size
from studio.ui.models.delete_question import DeleteQuestion
from studio.ui.models.download_reordering import DropPlaces
from studio.ui.models.download_row import DownloadRow
from studio.ui.models.downloads import downloads_of
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import one_line
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.times import rough_duration_text
from studio.ui.widgets.tinted_label import TintedLabel

MANY = 1_000_000

_AT_ONCE = 2
"""Rows that are made in one event loop iteration."""

_ASK_FROM = 50_000_000
"""Bytes on disk from which cancelling asks before it deletes them."""


class DownloadsPage(QWidget):
    """Rows are made some at a time, and are in the order of the queue, which dragging changes.

    Object names: `downloads.view`, and for all rows `downloads.pause_all`, `.resume_all`,
    `.cancel_all`.
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._downloads = downloads_of(state)
        self.rows: dict[str, DownloadRow] = {}
        self._order: list[str] = []
        """The ids of the rows in the column, from the top."""
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
        DropPlaces(self._column, self._movable, self).dropped.connect(self._dropped)
        all_of = self._downloads
        self.pause_all = dialog_button(
            self.tr("Pause all"), "downloads.pause_all", all_of.pause_all, self, "pause"
        )
        self.resume_all = dialog_button(
            self.tr("Resume all"), "downloads.resume_all", all_of.resume_all, self, "play"
        )
        self.cancel_all = dialog_button(
            self.tr("Cancel all…"), "downloads.cancel_all", self._cancel_all, self, "x"
        )
        self.clear = dialog_button(
            self.tr("Clear finished"), "downloads.clear", all_of.clear_finished, self, "list-x"
        )
        self.total = TintedLabel(self)
        self.total.setObjectName("downloads.total")
        bottom = QHBoxLayout()
        bottom.setSpacing(GRID)
        bottom.addWidget(self.total, 1)
        for button in (self.pause_all, self.resume_all, self.cancel_all, self.clear):
            bottom.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.offline)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._column, 1)
        layout.addLayout(bottom)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(1)
        self._more.timeout.connect(self.refresh)
        self._downloads.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the queue as it is; rows are kept."""
        statuses = self._downloads.statuses
        problem = self._downloads.offline
        self.offline.setVisible(problem is not None)
        if problem is not None:
            self.offline.show_text(translated(problem.message), "warning")
        present = {status.id for status in statuses}
        for id in [id for id in self.rows if id not in present]:
            row = self.rows.pop(id)
            self._order.remove(id)
            row.hide()
            row.deleteLater()
        places = [status.id for status in statuses if status.state != "done"]
        made = 0
        for place, status in enumerate(statuses):
            shown = self.rows.get(status.id)
            if shown is None:
                if made == _AT_ONCE:
                    # All at once would stop the window for a moment.
                    self._more.start()
                    break
                made += 1
                shown = self.rows[status.id] = self._make_row(status.id)
            self._put(shown, status.id, place)
            shown.show_status(
                status,
                is_first=bool(places) and status.id == places[0],
                is_last=bool(places) and status.id == places[-1],
            )
        self._empty.setVisible(not statuses)
        self._column.setVisible(bool(statuses))
        states = {status.state for status in statuses}
        self.clear.setEnabled("done" in states)
        self.pause_all.setEnabled(bool(states & {"running", "waiting"}))
        self.resume_all.setEnabled(bool(states & {"paused", "failed"}))
        self.cancel_all.setEnabled(bool(places))
        self.total.show_text(self._total_text())

    # ---- private

    def _put(self, row: DownloadRow, id: str, place: int) -> None:
        """Put a row at a place of the column, unless it is there."""
        if place < len(self._order) and self._order[place] == id:
            return
        if id in self._order:
            self._order.remove(id)
        self._order.insert(place, id)
        self._column.add(row, place)

    def _movable(self) -> list[DownloadRow]:
        rows = (self.rows[id] for id in self._order)
        return [row for row in rows if row.status is not None and row.status.state != "done"]

    def _dropped(self, id: str, above: int) -> None:
        """Move an item to where it was dropped; `above` counts the rows above, itself included."""
        ids = [row.status.id for row in self._movable() if row.status is not None]
        if id in ids:
            own = ids.index(id)
            self._move(id, above - own - (above > own))

    def _make_row(self, id: str) -> DownloadRow:
        row = DownloadRow(self._column.content)
        row.pause.clicked.connect(lambda: self._pause_or_resume(row))
        row.top.clicked.connect(partial(self._move, id, -MANY))
        row.up.clicked.connect(partial(self._move, id, -1))
        row.down.clicked.connect(partial(self._move, id, 1))
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

    def _move(self, id: str, steps: int) -> None:
        """Move an item among those that are not finished; forwards if `steps` is negative."""
        ids = [status.id for status in self._downloads.statuses if status.state != "done"]
        if id not in ids:
            return
        place = min(max(0, ids.index(id) + steps), len(ids) - 1)
        ids.remove(id)
        self._downloads.move(id, ids[place] if place < len(ids) else None)

    def _total_text(self) -> str:
        """Say how much is left to download, and for how long."""
        waiting = self._downloads.running
        if len(waiting) < 2 or any(status.total is None for status in waiting):
            return ""
        left = sum((status.total or 0) - status.done for status in waiting)
        speed = sum(status.speed for status in waiting)
        text = self.tr("{size} left to download").format(size=readable_size(left))
        if not speed:
            return text
        time = self.tr("{time} left").format(time=rough_duration_text(left / speed))
        return f"{text} · {time}"

    def _cancel_all(self) -> None:
        done = sum(status.done for status in self._downloads.statuses if status.state != "done")
        dialog = DeleteQuestion(
            self.tr("Cancel all downloads"),
            self.tr(
                "Cancel all unfinished downloads? The {size} downloaded so far are deleted."
            ).format(size=readable_size(done)),
            self.tr("Cancel and delete"),
            self.tr("Go on"),
            self,
        )
        dialog.accepted.connect(self._downloads.cancel_all)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

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
