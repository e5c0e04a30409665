"""A notification of the system when long work ends while the window is not in front."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from studio.kinds.requests import display_name
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from studio.library.records import Job

LONG_SECONDS = 30
"""Work that took less is not announced."""

SHOWN_MS = 10_000


class JobNotification(QObject):
    """Announces the end of the last job that runs, once nothing else runs or waits.

    `announce(title, text)` shows it; by default a tray icon that is there only for this purpose,
    and where there is no tray the entry of the window in the task bar asks for attention.
    """

    def __init__(
        self,
        state: AppState,
        window: QWidget,
        announce: Callable[[str, str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(window)
        self._state = state
        self._window = window
        self._announce = announce or self._show
        self._clock = clock
        self._tray: QSystemTrayIcon | None = None
        self._running: set[str] = set()
        self._since = 0.0
        self._ended = 0
        self._failed = 0
        self._last = ""
        state.reports.job_changed.connect(self._job_changed)
        state.closing.connect(self._close)

    def _job_changed(self, job: Job) -> None:
        if job.status == "running":
            if not self._running and not self._ended:
                self._since = self._clock()
            self._running.add(job.id)
            return
        if job.id not in self._running:
            return
        self._running.discard(job.id)
        if job.status in ("done", "failed"):
            self._ended += 1
            self._failed += job.status == "failed"
            self._last = one_line(display_name(job.request), 80)
        if not self._running:
            self._look_whether_more_waits()

    def _look_whether_more_waits(self) -> None:
        library = self._state.library
        if library is None:
            return

        def read() -> bool:
            counts = library.queue.counts()
            waits = counts.get("queued", 0) > 0 and not library.queue.is_paused
            return waits or counts.get("running", 0) > 0

        self._state.background.read(self, read, self._ended_unless, lambda _: None)

    def _ended_unless(self, more: bool) -> None:
        if more or self._running or not self._ended:
            return
        ended, failed = self._ended, self._failed
        self._ended = self._failed = 0
        is_long = self._clock() - self._since >= LONG_SECONDS
        if not is_long or self._window.isActiveWindow():
            return
        if failed:
            text = (
                self.tr("The job failed.")
                if ended == 1
                else self.tr("{failed} of {n} jobs failed.").format(failed=failed, n=ended)
            )
        else:
            text = (
                self.tr("The job is done.")
                if ended == 1
                else self.tr("All {n} jobs are done.").format(n=ended)
            )
        self._announce("Prompt Studio", f"{text}\n{self._last}" if self._last else text)

    def _show(self, title: str, text: str) -> None:
        # It works on every platform, and does nothing while the window is active.
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(icon("sparkles"), self)
            self._tray.messageClicked.connect(self._come_to_front)
            self._tray.activated.connect(lambda _: self._come_to_front())
        self._tray.show()
        self._tray.showMessage(title, text, self._tray.icon(), SHOWN_MS)

    def _come_to_front(self) -> None:
        self._close()
        self._window.showNormal() if self._window.isMinimized() else self._window.show()
        self._window.raise_()
        self._window.activateWindow()

    def _close(self) -> None:
        if self._tray is not None:
            self._tray.hide()
