"""The estimator of job durations, shared by all parts of the window and fitted off its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from studio.ui.shell.state import AppState

if TYPE_CHECKING:
    from studio.jobs.estimate import Estimator
    from studio.library.records import Asset

T = TypeVar("T")

REFIT_MS = 5000
"""Minimum time between two fits of the estimator."""


class Estimates(QObject):
    """One for each `AppState`: see `estimates_of`."""

    changed = Signal()
    """New results, models or a device may change the estimates; read them again."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._lock = threading.Lock()
        self._estimator: Estimator | None = None
        self._stale = False
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._invalidate)
        state.assets_changed.connect(self._invalidate_soon)
        state.models_changed.connect(self._invalidate_soon)
        state.reports.ready.connect(self._invalidate_soon)
        self._warm: set[tuple[str, str]] = set()
        state.reports.ready.connect(lambda _: self._warm.clear())
        state.reports.asset_saved.connect(self._note_model)

    def read(
        self, owner: QObject, work: Callable[[Estimator], T], then: Callable[[T], object]
    ) -> None:
        """Run `work(estimator)` on another thread, then `then(result)` on the GUI thread.

        Does nothing while no library is open. Errors are ignored: a library that cannot be read
        is reported by the views that show its contents.
        """
        library, memory = self._state.library, self._state.memory
        if library is None:
            return
        device = memory.device if memory is not None else ""

        def estimate() -> T:
            with self._lock:
                estimator = self._estimator
                if estimator is None or self._stale:
                    from studio.jobs.estimate import build_estimator

                    self._stale = False
                    estimator = build_estimator(library, self._state.open_registry(), device)
                    self._estimator = estimator
            return work(estimator)

        self._state.background.read(owner, estimate, then, lambda _: None)

    def is_warm(self, task: str, model: str) -> bool:
        """Return whether the engine has run a model since it started."""
        return (task, model) in self._warm

    def _note_model(self, asset: Asset) -> None:
        self._warm.add((asset.task, asset.recipe.model_id))

    def _invalidate_soon(self, *_: object) -> None:
        if not self._timer.isActive():
            passed = self._since.elapsed() if self._since.isValid() else REFIT_MS
            self._timer.start(max(0, REFIT_MS - passed))

    def _invalidate(self) -> None:
        self._since.start()
        self._stale = True
        self.changed.emit()


def estimates_of(state: AppState) -> Estimates:
    """Return the estimates of a state, created on first use."""
    found = state.findChild(Estimates)
    return found if isinstance(found, Estimates) else Estimates(state)
