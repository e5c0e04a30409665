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

MANY = 1_000_000

_ASK_FROM = 50_000_000
"""Bytes on disk from which cancelling asks before it deletes them."""


class DownloadsPage(QWidget):
    """Object names: `downloads.view`, in each row `downloads.pause`, `.cancel`, `.top`, `.up`,
    `.down`, and for all `downloads.pause_all`, `.resume_all`, `.cancel_all`.
    """

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
        places = [status.id for status in statuses if status.state != "done"]
        for place, status in enumerate(statuses):
            shown = self.rows.get(status.id)
            if shown is None:
                shown = self.rows[status.id] = self._make_row(status.id)
            if self._column.place_of(shown) != place:
                self._column.add(shown, place)
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
        self.top = tool_button("arrow-up-to-line", self.tr("To the top"), "downloads.top", self)
        self.up = tool_button("arrow-up", self.tr("Move up"), "downloads.up", self)
        self.down = tool_button("arrow-down", self.tr("Move down"), "downloads.down", self)
        self.cancel = tool_button("x", self.tr("Cancel"), "downloads.cancel", self)
        top = QHBoxLayout()
        top.setSpacing(GRID // 2)
        top.addWidget(self.name, 1)
        for button in (self.top, self.up, self.down, self.pause, self.cancel):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID // 2)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(self.about)

    def show_status(self, status: ItemStatus, *, is_first: bool, is_last: bool) -> None:
        """Show an item as it is now."""
        if self.status is None or self.status.title != status.title:
            self.name.set_text(status.title)
            self.setAccessibleName(one_line(status.title))
        if self.status is None or self.status.state != status.state:
            self._show_buttons(status)
        self.top.setEnabled(not is_first)
        self.up.setEnabled(not is_first)
        self.down.setEnabled(not is_last)
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
        for button in (self.pause, self.top, self.up, self.down):
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
