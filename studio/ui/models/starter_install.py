"""Installing the starter pack in the background, whoever looks on."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Signal

from studio.protocol import Problem, Sentence
from studio.ui.shell.state import AppState


class StarterInstall(QObject):
    """One for each `AppState`, with which it ends: see `starter_install_of`."""

    progressed = Signal(object, object)
    """A `Sentence` and a fraction (0 to 1) or None."""
    changed = Signal()

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._leave = threading.Event()
        self.is_running = False
        state.closing.connect(self.cancel)

    def start(self) -> None:
        """Install what is missing; does nothing while an installation runs."""
        if self.is_running:
            return
        self.is_running = True
        self._leave.clear()
        self.changed.emit()
        paths, worker = self._state.paths, self._state.worker

        def report(what: Sentence, fraction: float | None) -> None:
            self.progressed.emit(what, fraction)

        def work() -> Problem | None:
            from studio.models.starter import install_starter

            return install_starter(paths, report, worker.convert, self._leave.is_set)

        self._state.background.long(self, work, self._ended, self._ended)

    def cancel(self) -> None:
        """End the installation; what is complete stays."""
        self._leave.set()

    def _ended(self, problem: Problem | None) -> None:
        self.is_running = False
        if problem is None:
            self._state.show_message(self.tr("The starter models are installed."), "success")
        elif problem.kind != "cancelled":
            self._state.problem.emit(problem)
        self._state.refresh_models()
        self.changed.emit()


def starter_install_of(state: AppState) -> StarterInstall:
    """Return the installation of the starter models, made by the first who asks."""
    found = state.findChild(StarterInstall)
    return found if isinstance(found, StarterInstall) else StarterInstall(state)
