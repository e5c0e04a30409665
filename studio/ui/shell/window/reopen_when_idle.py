"""A new language is applied by a new window, which waits for the jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject

from studio.protocol import JobStatus
from studio.ui.style.translations import active_language

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState


class ReopenWhenIdle(QObject):
    """Calls `reopen` as soon as no job runs, and none waits unless the queue is paused.

    Not if the language of this window has been chosen again by then.
    """

    def __init__(self, state: AppState, reopen: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._reopen = reopen
        state.jobs_changed.connect(self._look)
        self._look()

    def _look(self) -> None:
        library = self._state.library
        if library is not None and self._is_other_language():
            queue = library.queue
            self._state.background.read(
                self, lambda: (queue.counts(), queue.is_paused), lambda found: self._decide(*found)
            )

    def _decide(self, counts: Mapping[JobStatus, int], is_paused: bool) -> None:
        is_busy = counts.get("running", 0) or self._state.worker.running_jobs
        is_waited_for = counts.get("queued", 0) and not is_paused
        if not (is_busy or is_waited_for) and self._is_other_language():
            self._state.jobs_changed.disconnect(self._look)
            self._reopen()

    def _is_other_language(self) -> bool:
        shown = "zh_CN" if QLocale().language() == QLocale.Language.Chinese else "en"
        return active_language(self._state.settings.language) != shown
