"""Notices what other processes change in the library, e.g. `studio batch` or a second window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from studio.protocol import Problem
from studio.ui.shell.state import AppState

if TYPE_CHECKING:
    from studio.library.store import Library

POLL_MS = 1000
"""How often the library is asked whether it was changed. The answer costs SQLite no disk access."""

RELEASE_EVERY = 5
"""Every so many polls, the jobs of processes that have died are released."""


class OtherProcesses(QObject):
    """Emits `AppState.changed_elsewhere` after another process has written to the library."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._polls = 0
        self._is_asking = False
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.poll)
        state.library_opened.connect(self._timer.start)
        state.closing.connect(self._timer.stop)

    def poll(self) -> None:
        """Ask on another thread, unless the last answer is still missing."""
        library = self._state.library
        if library is None or self._is_asking:
            return
        self._is_asking = True
        self._polls += 1
        releases = self._polls % RELEASE_EVERY == 0

        def ask(library: Library = library) -> bool:
            released = releases and library.release_dead()
            return library.changed_elsewhere() or released

        self._state.background.read(self, ask, self._answered, self._failed)

    def _answered(self, changed: bool) -> None:
        self._is_asking = False
        if changed:
            self._state.changed_elsewhere.emit()

    def _failed(self, _: Problem) -> None:
        # Jobs and views report what is wrong with the disk.
        self._is_asking = False
