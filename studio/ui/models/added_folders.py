"""Folders of other programs: searched in the background, with what was found in them by role."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.protocol import ModelRef, Problem, problem
from studio.ui.models.model_titles import role_title
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr, translated

if TYPE_CHECKING:
    from studio.models.folders.report import FolderReport

_PROGRESS_EVERY = 20
"""Folders between two reports of progress."""


class FolderSearch(QObject):
    """Adds a model, or a folder with all models in it. One at a time; `cancel` ends it."""

    progressed = Signal(int)
    """So many folders were searched."""
    ended = Signal(str, bool)
    """What to say about it, and whether that is a problem."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._stop = threading.Event()
        self.is_running = False
        state.closing.connect(self.cancel)

    def start(self, path: Path) -> None:
        """Add what is at `path`."""
        self._stop = stop = threading.Event()
        self.is_running = True
        progressed = self.progressed
        count = 0

        def check() -> None:
            nonlocal count
            count += 1
            if stop.is_set():
                raise problem("cancelled", "The search was cancelled.")
            if count % _PROGRESS_EVERY == 0:
                progressed.emit(count)

        self._state.background.waiting(
            self,
            lambda: self._state.open_registry().add_path(path, check),
            self._added,
            self._refused,
        )

    def cancel(self) -> None:
        """End the search; nothing is added."""
        self._stop.set()

    def _added(self, found: ModelRef | FolderReport) -> None:
        self.is_running = False
        self._state.refresh_models()
        if isinstance(found, ModelRef):
            self.ended.emit(self.tr("Added: {name}").format(name=found.name), False)
        else:
            self.ended.emit(report_text(found), False)

    def _refused(self, found: Problem) -> None:
        self.is_running = False
        self.ended.emit(translated(found.message), found.kind != "cancelled")


def report_text(report: FolderReport) -> str:
    """Say what was found in a folder, by role, and how many files are no models."""
    if report.is_missing:
        return tr("{folder} is not there at the moment.").format(folder=report.path)
    counts = Counter(role_title(ref.role) or tr("Models") for ref in report.models)
    parts = [f"{name}: {count}" for name, count in counts.most_common()]
    text = f"{report.path} · " + (" · ".join(parts) or tr("no usable model"))
    if report.others:
        text += " · " + tr("other files: {n}").format(n=report.others)
    return text
