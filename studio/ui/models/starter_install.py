"""The installation of the starter models, which outlives the dialog that started it."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Signal

from studio.protocol import Problem, Sentence
from studio.ui.shell.state import AppState


class StarterInstall(QObject):
    """One per `AppState`, cancelled when the window closes: see `starter_install_of`."""

    progressed = Signal(object, object)
    """The current step as a `Sentence`, and its progress from 0 to 1, None if unknown."""
    changed = Signal()
    """The installation started or ended."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._cancelled = threading.Event()
        self.is_running = False
        state.closing.connect(self.cancel)

    def start(self) -> None:
        """Install what is missing; does nothing while an installation runs."""
        if self.is_running:
            return
        self.is_running = True
        self._cancelled.clear()
        self.changed.emit()
        paths, worker = self._state.paths, self._state.worker

        def report(step: Sentence, fraction: float | None) -> None:
            self.progressed.emit(step, fraction)

        def work() -> Problem | None:
            from studio.jobs.starter_download import download_for_starter
            from studio.models.starter import install_starter

            return install_starter(
                paths,
                report,
                worker.convert,
                self._cancelled.is_set,
                download=download_for_starter,
            )

        self._state.background.long(self, work, self._ended, self._ended)

    def cancel(self) -> None:
        """Cancel the installation; models that are complete stay."""
        self._cancelled.set()

    def _ended(self, problem: Problem | None) -> None:
        self.is_running = False
        if problem is None:
            self._state.show_message(self.tr("The starter models are installed."), "success")
        elif problem.kind != "cancelled":
            self._state.problem.emit(problem)
        self._state.refresh_models()
        self.changed.emit()


def starter_install_of(state: AppState) -> StarterInstall:
    """Return the starter installation of a state, created on first use."""
    found = state.findChild(StarterInstall)
    return found if isinstance(found, StarterInstall) else StarterInstall(state)
