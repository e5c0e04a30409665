"""Watches the folders of models: what another program puts there is listed within seconds."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer

from studio.protocol import Problem
from studio.ui.shell.event_loop_slices import run_in_slices
from studio.ui.shell.state import AppState

if TYPE_CHECKING:
    from studio.models.listing import Listing
    from studio.models.registry import Registry

MOST_WATCHED = 256
"""Folders that the system is asked to watch; the system's own limit may be low."""

SETTLE_MS = 500
"""From a change to the look at it: programs write several files in a row."""

UNFINISHED_MS = 1000
"""Between looks while a file is still being written."""

POLL_MS = 10_000
"""Between looks where the system does not watch all folders."""

_AT_ONCE = 16

# Elsewhere, a watched folder can be renamed and deleted.
_CAN_WATCH = sys.platform != "win32"


class FolderWatch(QObject):
    """One per `AppState`: see `folder_watch_of`. The disk is read on other threads only."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._is_looking = False
        self._looks_again = False
        self._has_said = False
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._changed)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.look)
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self.look)
        state.models_changed.connect(self._watch)
        state.closing.connect(self._stop)
        if state.models_known:
            self._watch()

    def look(self) -> None:
        """List the models again if what is in the folders differs from the last listing."""
        if not self._state.models_known or self._is_looking:
            self._looks_again = self._is_looking
            return
        self._is_looking = True
        self._state.read_models(lambda registry: registry.listing(), self._looked, self._failed)

    # ---- private

    def _changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start(SETTLE_MS)

    def _looked(self, found: Listing) -> None:
        self._is_looking = False
        state = self._state
        if found.models != state.all_models or found.problems != state.model_problems():
            state.refresh_models()
        elif found.unfinished or self._looks_again:
            self._watch()  # a new folder may have come
        if found.unfinished or self._looks_again:
            self._soon.start(UNFINISHED_MS)
        self._looks_again = False

    def _failed(self, _: Problem) -> None:
        # The next listing says what is wrong with the disk.
        self._is_looking = False

    def _watch(self) -> None:
        """Find out which folders there are, then watch them."""
        paths = self._state.paths

        def folders(registry: Registry) -> tuple[str, ...]:
            with contextlib.suppress(OSError):
                paths.make_models_folder()
            return registry.watched_folders()

        self._state.read_models(folders, self._watch_folders, self._cannot_watch)

    def _watch_folders(self, folders: tuple[str, ...]) -> None:
        wanted = frozenset(folders[:MOST_WATCHED]) if _CAN_WATCH else frozenset[str]()
        if len(wanted) == len(folders):
            self._poll.stop()
        elif not self._poll.isActive():
            self._poll.start()
        known = frozenset(self._watcher.directories())
        if gone := sorted(known - wanted):
            self._watcher.removePaths(gone)
        new = sorted(wanted - known)
        parts = [new[start : start + _AT_ONCE] for start in range(0, len(new), _AT_ONCE)]
        run_in_slices(self, (partial(self._add, part) for part in parts), lambda: True)

    def _cannot_watch(self, found: Problem) -> None:
        """Say once that the disk with the models is not there, and look whether it has come."""
        if not self._has_said:
            self._has_said = True
            self._state.problem.emit(found)
        self._poll.start()

    def _add(self, folders: list[str]) -> None:
        if self._watcher.addPaths(folders) and not self._poll.isActive():
            self._poll.start()  # too many, or not there now

    def _stop(self) -> None:
        self._soon.stop()
        self._poll.stop()


def folder_watch_of(state: AppState) -> FolderWatch:
    """Return the watch of a state, created on first use."""
    found = state.findChild(FolderWatch)
    return found if isinstance(found, FolderWatch) else FolderWatch(state)
