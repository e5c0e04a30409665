"""What the window has learned about how long jobs take: once for all who ask, off its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from studio.ui.shell.state import AppState

if TYPE_CHECKING:
    from studio.jobs.estimate import Estimator

T = TypeVar("T")

FRESH_MS = 5000
"""New results are learned from no sooner than this after the last time."""


class Estimates(QObject):
    """One for each `AppState`: see `estimates_of`."""

    changed = Signal()
    """There is something to learn from, or another model is the default: ask again."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._lock = threading.Lock()
        self._known: Estimator | None = None
        self._stale = False
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._forget)
        state.assets_changed.connect(self._forget_soon)
        state.models_changed.connect(self._forget_soon)
        state.reports.ready.connect(self._forget_soon)

    def read(
        self, owner: QObject, work: Callable[[Estimator], T], then: Callable[[T], object]
    ) -> None:
        """Run `work` with the estimator on another thread, then `then` with what it returned.

        Nothing happens while no library is open. Trouble with the disk is not said here: those
        who read the library for its own sake say it.
        """
        library, memory = self._state.library, self._state.memory
        if library is None:
            return
        device = memory.device if memory is not None else ""

        def ask() -> T:
            with self._lock:
                known = self._known
                if known is None or self._stale:
                    from studio.jobs.estimate import build_estimator

                    self._stale = False
                    self._known = known = build_estimator(
                        library, self._state.open_registry(), device
                    )
            return work(known)

        self._state.background.read(owner, ask, then, lambda _: None)

    def _forget_soon(self, *_: object) -> None:
        if not self._timer.isActive():
            passed = self._since.elapsed() if self._since.isValid() else FRESH_MS
            self._timer.start(max(0, FRESH_MS - passed))

    def _forget(self) -> None:
        self._since.start()
        self._stale = True
        self.changed.emit()


def estimates_of(state: AppState) -> Estimates:
    """Return what the window has learned, made by the first who asks."""
    found = state.findChild(Estimates)
    return found if isinstance(found, Estimates) else Estimates(state)
