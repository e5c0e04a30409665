"""The progress of the running job on the window's entry in the task bar.

Where the desktop has it: docks of Linux that know Unity's launcher entries (KDE Plasma, Ubuntu's
dock and others) take it from D-Bus. PySide6 offers nothing for the task bar of Windows and the
Dock of macOS.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject

from studio.protocol import Progress
from studio.ui.shell.state import AppState

ENTRY = "application://prompt-studio.desktop"

Send = Callable[[bool, float], object]
"""Called with whether the progress is shown, and the share that is done."""


class TaskBarProgress(QObject):
    """Follows the job that reported last, in whole percents."""

    def __init__(self, state: AppState, parent: QObject, send: Send | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._send = send
        self._shown = -1
        if send is not None or sys.platform == "linux":
            state.reports.progress.connect(self._progressed)
            state.reports.job_changed.connect(self._job_changed)
            state.closing.connect(self._hide)

    def _progressed(self, report: Progress) -> None:
        percent = 100 * report.step // max(1, report.steps)
        if percent != self._shown:
            self._shown = percent
            self._tell(True, percent / 100)

    def _job_changed(self, _job: object) -> None:
        if self._shown >= 0 and not self._state.worker.running_jobs:
            self._hide()

    def _hide(self) -> None:
        if self._shown >= 0:
            self._shown = -1
            self._tell(False, 0.0)

    def _tell(self, shown: bool, share: float) -> None:
        if self._send is None:
            self._send = _launcher()
        self._send(shown, share)


def _launcher() -> Send:
    # Not at the top: the module is needed only while jobs run.
    from PySide6.QtDBus import QDBusConnection, QDBusMessage

    bus = QDBusConnection.sessionBus()

    def send(shown: bool, share: float) -> None:
        if not bus.isConnected():
            return
        message = QDBusMessage.createSignal(
            "/studio/launcher", "com.canonical.Unity.LauncherEntry", "Update"
        )
        message.setArguments([ENTRY, {"progress": share, "progress-visible": shown}])
        bus.send(message)

    return send
