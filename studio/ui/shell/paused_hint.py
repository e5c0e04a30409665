"""Says beside Generate that the queue is paused, and resumes it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.widgets.tinted_label import TintedLabel


class QueuePause(QObject):
    """Whether the queue is paused, as of the last change. One for each `AppState`."""

    changed = Signal()

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self.is_paused = False
        state.jobs_changed.connect(self._read)

    def _read(self) -> None:
        library = self._state.library
        if library is not None:
            # A library that cannot be read is reported by the views that show its contents.
            self._state.background.read(
                self, lambda: library.queue.is_paused, self._note, lambda _: None
            )

    def _note(self, is_paused: bool) -> None:
        if is_paused != self.is_paused:
            self.is_paused = is_paused
            self.changed.emit()


def queue_pause_of(state: AppState) -> QueuePause:
    """Return the `QueuePause` of a state, created on first use."""
    found = state.findChild(QueuePause)
    return found if isinstance(found, QueuePause) else QueuePause(state)


class PausedHint(QWidget):
    """Object names: `<task>.paused`, `<task>.resume`. Hidden unless the queue is paused."""

    def __init__(self, state: AppState, task: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pause = queue_pause_of(state)
        self.setObjectName(f"{task}.paused")
        label = TintedLabel(self)
        label.setWordWrap(True)
        label.show_text(self.tr("The queue is paused: jobs wait until it is resumed."), "warning")
        self.resume = QPushButton(icon("play"), self.tr("Resume"), self)
        self.resume.setObjectName(f"{task}.resume")
        self.resume.setAccessibleName(self.tr("Resume the queue"))
        self.resume.clicked.connect(lambda: state.set_paused(False))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(label, 1)
        row.addWidget(self.resume, 0, Qt.AlignmentFlag.AlignTop)
        self._pause.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self.setVisible(self._pause.is_paused)
