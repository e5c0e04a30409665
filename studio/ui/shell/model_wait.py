"""Starts work that was asked for before the models were listed as soon as they are."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from studio.ui.shell.state import AppState


class ModelWait(QObject):
    """Calls `work` once for all calls of `is_needed` before the models are listed."""

    def __init__(self, state: AppState, work: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._work = work
        self._is_waiting = False
        state.models_changed.connect(self._listed)

    def is_needed(self) -> bool:
        """Return whether `work` is to be called again by this, since the models are not listed."""
        self._is_waiting = not self._state.models_known
        return self._is_waiting

    def cancel(self) -> None:
        """Do not call `work`."""
        self._is_waiting = False

    def _listed(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._work()
