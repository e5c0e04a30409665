"""The queue of downloads in the window: it outlives the dialog and goes on at the next start."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QTimer, Signal

from studio.protocol import Problem
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from studio.downloads.download_queue import DownloadQueue
    from studio.downloads.item import Item, ItemStatus

REFRESH_MS = 250
"""Least time between two looks at the queue while something is downloaded."""


class Downloads(QObject):
    """One per `AppState`: see `downloads_of`. Methods must be called on the GUI thread."""

    changed = Signal()
    """`statuses` has news."""
    finished = cast("TypedSignal[ItemStatus]", Signal(object))
    """A download is complete, and its model will be listed."""
    copied = Signal(str, object)
    """A model on this machine is being copied: its name, and the progress from 0 to 1; then None
    once that has ended."""
    _news = Signal()

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self.statuses: tuple[ItemStatus, ...] = ()
        """The items in their order, as of the last look."""
        self.offline: Problem | None = None
        """Why nothing is downloaded although items wait: there is no network."""
        self._queue: DownloadQueue | None = None
        self._queue_lock = threading.Lock()
        self._closing = threading.Event()
        self._is_suspended = False
        self._changes: deque[Callable[[DownloadQueue], object]] = deque()
        self._is_noted = False
        self._is_reading = False
        self._was_offline = False
        self._known: dict[str, str] | None = None
        self._at_start: dict[str, str] = {}
        """The states of the items before the queue began to work."""
        self._added: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._read)
        self._news.connect(self._refresh_soon)
        state.closing.connect(self._close)

    def start(self) -> None:
        """Go on with what was not finished when the app last closed. Reads the disk later."""
        folder = self._state.paths.models / ".downloading"

        def look() -> bool:
            if not folder.is_dir():
                return False
            self._opened()
            return True

        def looked(has_queue: bool) -> None:
            if has_queue:
                self._refresh_soon()

        self._state.background.waiting(self, look, looked, self._state.problem.emit)

    @property
    def running(self) -> tuple[ItemStatus, ...]:
        """The items that are being downloaded or wait for it."""
        return tuple(each for each in self.statuses if each.state in ("running", "waiting"))

    def add(self, item: Item) -> None:
        """Add an item, or resume it if it is known."""
        self._added.add(item.id)
        self._change(lambda queue: queue.add(item))

    def pause(self, id: str) -> None:
        """Stop an item; what was downloaded is kept."""
        self._change(lambda queue: queue.pause(id))

    def resume(self, id: str) -> None:
        """Let a paused or failed item wait for its turn."""
        self._change(lambda queue: queue.resume(id))

    def cancel(self, id: str) -> None:
        """Take an item off the list and delete what was downloaded of it."""
        self._change(lambda queue: queue.cancel(id, remove=True))

    def move(self, id: str, before: str | None) -> None:
        """Move an item before another, or to the end."""
        self._change(lambda queue: queue.move(id, before))

    def pause_all(self) -> None:
        """Stop everything that is downloaded or waits."""
        self._change_all(("running", "waiting"), lambda queue, id: queue.pause(id))

    def resume_all(self) -> None:
        """Let everything that was paused or has failed wait for its turn."""
        self._change_all(("paused", "failed"), lambda queue, id: queue.resume(id))

    def cancel_all(self) -> None:
        """Take everything unfinished off the list, and delete what was downloaded of it."""
        states = ("running", "waiting", "paused", "failed")
        self._change_all(states, lambda queue, id: queue.cancel(id, remove=True))

    def clear_finished(self) -> None:
        """Take finished items off the list; their models stay."""
        self._change(lambda queue: queue.clear_finished())

    def copy(self, path: Path) -> None:
        """Copy a model on this machine into the models folder."""
        name = path.name

        def report(done: int, total: int) -> None:
            self.copied.emit(name, done / total if total else 0.0)

        def work() -> Path:
            from studio.downloads.pack import copy_pack

            paths = self._state.paths
            return copy_pack(
                path,
                paths.models,
                make_models=paths.make_models_folder,
                progress=report,
                stop=self._closing,
            )

        def done(_folder: Path) -> None:
            self.copied.emit(name, None)
            self._state.refresh_models()
            self._state.show_message(
                self.tr("{name} is ready to use.").format(name=one_line(name)), "success"
            )

        def failed(problem: Problem) -> None:
            self.copied.emit(name, None)
            if problem.kind != "cancelled":
                self._state.problem.emit(problem)

        self._state.background.long(self, work, done, failed)

    def suspend(self) -> None:
        """Stop downloading until `go_on`, and wait for that. Not on the GUI thread."""
        with self._queue_lock:
            self._is_suspended = True
            queue = self._queue
        if queue is not None:
            queue.close()

    def go_on(self) -> None:
        """Go on after `suspend`."""
        with self._queue_lock:
            self._is_suspended = False
            queue = self._queue
        if queue is not None:
            queue.start()

    # ---- private

    def _opened(self) -> DownloadQueue:
        """Return the queue, which works from now on. Any thread may call it."""
        with self._queue_lock:
            if self._queue is None:
                from studio.jobs.get_model import open_queue

                queue = open_queue(self._state.paths, self._state.settings)
                self._at_start = {each.id: each.state for each in queue.statuses()}
                queue.listen(self._note)
                if not self._closing.is_set() and not self._is_suspended:
                    queue.start()
                self._queue = queue
            return self._queue

    def _note(self) -> None:
        """Called by threads of the queue, several times a second."""
        if not self._is_noted and not self._closing.is_set():
            self._is_noted = True
            self._news.emit()

    def _refresh_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _change(self, work: Callable[[DownloadQueue], object]) -> None:
        """Run `work` on another thread, after all changes before it."""
        self._changes.append(work)
        if len(self._changes) == 1:
            self._next_change()

    def _next_change(self) -> None:
        work = self._changes[0]

        def changed(_: object) -> None:
            self._changes.popleft()
            if self._changes:
                self._next_change()
            self._read()

        def failed(found: Problem) -> None:
            self._state.problem.emit(found)
            changed(None)

        self._state.background.waiting(self, lambda: work(self._opened()), changed, failed)

    def _change_all(
        self, states: Collection[str], change: Callable[[DownloadQueue, str], object]
    ) -> None:
        def work(queue: DownloadQueue) -> None:
            statuses = queue.statuses()
            if "running" in states:  # from the last, so that no other item starts meanwhile
                statuses = statuses[::-1]
            for status in statuses:
                if status.state in states:
                    change(queue, status.id)

        self._change(work)

    def _read(self) -> None:
        if self._is_reading:
            self._refresh_soon()
            return
        self._is_reading = True
        self._is_noted = False

        def read() -> tuple[tuple[ItemStatus, ...], Problem | None]:
            queue = self._opened()
            return queue.statuses(), queue.offline

        def failed(problem: Problem) -> None:
            self._is_reading = False
            self._state.problem.emit(problem)

        self._state.background.read(self, read, self._show, failed)

    def _show(self, found: tuple[tuple[ItemStatus, ...], Problem | None]) -> None:
        self._is_reading = False
        self.statuses, self.offline = found
        self._say_offline()
        before = self._at_start if self._known is None else self._known
        self._known = {each.id: each.state for each in self.statuses}
        for status in self.statuses:
            # A small item may be complete before the first look at it.
            is_new = status.id in self._added and status.id not in before
            if is_new or before.get(status.id, status.state) != status.state:
                self._state_changed(status)
        self.changed.emit()

    def _state_changed(self, status: ItemStatus) -> None:
        name = one_line(status.title, 60)
        if status.state == "done":
            self._state.refresh_models()
            self._state.show_message(
                self.tr("{name} is ready to use.").format(name=name), "success"
            )
            self.finished.emit(status)
        elif status.state == "failed" and status.problem is not None:
            self._state.show_message(
                self.tr("{name} was not downloaded: {message}").format(
                    name=name, message=translated(status.problem.message)
                ),
                "warning",
                self.tr("Downloads…"),
                self._state.destinations.show_downloads,
            )

    def _say_offline(self) -> None:
        """Say once, until something is downloaded again, that there is no network."""
        if any(status.speed for status in self.statuses):
            self._was_offline = False
        if self.offline is not None and not self._was_offline:
            self._was_offline = True
            self._state.show_message(
                self.tr("The network cannot be reached. Downloads go on when it is back."), "info"
            )

    def _close(self) -> None:
        self._closing.set()
        self._timer.stop()
        with self._queue_lock:
            queue = self._queue
        if queue is not None:
            queue.close()


def downloads_of(state: AppState) -> Downloads:
    """Return the downloads of a state, created on first use."""
    found = state.findChild(Downloads)
    return found if isinstance(found, Downloads) else Downloads(state)
