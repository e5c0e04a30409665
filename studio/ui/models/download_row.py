"""A row of the list of downloads: name, progress, what happens, and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from studio.protocol import readable_size
from studio.ui.models.download_reordering import drag_download
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import rough_duration_text
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.downloads.item import ItemStatus


class DownloadRow(QFrame):
    """One item of the queue; what is not finished can be dragged to another place.

    Object names of the buttons: `downloads.pause`, `.cancel`, `.top`, `.up`, `.down`.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.status: ItemStatus | None = None
        self._ends = (False, False)
        self._pressed: QPoint | None = None
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
        """Show an item as it is now. `is_first` and `is_last` count what is not finished."""
        if (status, (is_first, is_last)) == (self.status, self._ends):
            return
        self._ends = (is_first, is_last)
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

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self._can_move():
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if self._pressed is None or self.status is None:
            return
        way = event.position().toPoint() - self._pressed
        if way.manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            drag_download(self, self.status.id)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self._pressed = None

    def _can_move(self) -> bool:
        is_alone = self._ends == (True, True)
        return self.status is not None and self.status.state != "done" and not is_alone

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
