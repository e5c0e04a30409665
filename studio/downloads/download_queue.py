"""The queue of downloads: kept on disk, worked off by one thread, changed by any process."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from studio.downloads.http_problems import NoNetworkError, cancelled, disk_problem
from studio.downloads.item import UNFINISHED, Item, ItemStatus, State
from studio.downloads.item_download import ItemDownload, TokenOf, bytes_of, is_complete
from studio.downloads.queue_folder import QueueFolder, Record, unknown
from studio.protocol import Problem, ProblemError, unexpected

Listener: TypeAlias = Callable[[], None]

_POLL_SECONDS = 2.0
"""Between looks for items that other processes added or left behind."""

_OFFLINE_SECONDS = 30.0
"""Between attempts while there is no network."""


class DownloadQueue:
    """The downloads of an installation. Methods may be called from any thread.

    Listeners are called after every change, several times a second while something is downloaded
    and from any thread; they should only note that `statuses` has news.
    """

    def __init__(
        self,
        models: Path,
        *,
        token_of: TokenOf = lambda _url: "",
        retry_pause: float = 1.0,
        make_models: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = QueueFolder(models, make_models)
        self._token_of = token_of
        self._retry_pause = retry_pause
        self._listeners: list[Listener] = []
        self._active: dict[str, ItemDownload] = {}
        self._counts: dict[str, tuple[Record, int, int]] = {}
        self._skipped: set[str] = set()
        self._offline: Problem | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def offline(self) -> Problem | None:
        """Why nothing is downloaded at the moment although items wait: there is no network."""
        return self._offline

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every change. Returns a function that ends this."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def add(self, item: Item, *, first: bool = False) -> str:
        """Add an item and return its id. One that is known already is resumed or kept as it is."""
        self._folder.add(item, first=first)
        self._skipped.discard(item.id)
        self._changed()
        return item.id

    def statuses(self) -> tuple[ItemStatus, ...]:
        """Return all items in their order, without cancelled ones."""
        found = (self.status(id) for id in self._folder.ids())
        return tuple(status for status in found if status is not None)

    def status(self, id: str) -> ItemStatus | None:
        """Return an item and its progress; None if it is unknown or cancelled."""
        item, record = self._folder.item(id), self._folder.record(id)
        if item is None or record is None or record.state == "cancelled":
            return None
        active = self._active.get(id)
        state: State = record.state
        elsewhere = state == "running" and active is None and self._folder.is_claimed(id)
        if state == "running" and active is None and not elsewhere:
            state = "waiting"  # its process was killed
        if state == "done":
            done, files_done = item.size or 0, len(item.files)
        elif active is not None:
            done, files_done = active.done_bytes, active.files_done
        else:
            done, files_done = self._on_disk(id, item, record, is_changing=elsewhere)
        speed = active.speed if active is not None else 0.0
        left = max(0, item.size - done) / speed if speed and item.size is not None else None
        return ItemStatus(
            id=id,
            title=item.title,
            state=state,
            source=item.source,
            licence=item.licence,
            done=done,
            total=item.size,
            files_done=files_done,
            files_total=len(item.files),
            speed=speed,
            seconds_left=left,
            problem=record.problem,
            folder=str(self._folder.models / record.folder) if state == "done" else "",
            elsewhere=elsewhere,
        )

    def _on_disk(
        self, id: str, item: Item, record: Record, *, is_changing: bool
    ) -> tuple[int, int]:
        """Return bytes and complete files. They are counted once while nothing is downloaded."""
        counted = self._counts.get(id)
        if counted is not None and counted[0] == record and not is_changing:
            return counted[1], counted[2]
        files = self._folder.files(id)
        done = sum(bytes_of(files, file) for file in item.files)
        files_done = sum(is_complete(files, file) for file in item.files)
        self._counts[id] = (record, done, files_done)
        return done, files_done

    def pause(self, id: str) -> None:
        """Stop an item; what was downloaded is kept. Raises `ProblemError` if it is unknown."""
        self._set_state(id, "paused", ("waiting", "running"))

    def resume(self, id: str) -> None:
        """Let a paused or failed item wait for its turn. Raises `ProblemError` if it is unknown."""
        self._set_state(id, "waiting", ("paused", "failed"))

    def cancel(self, id: str, *, remove: bool) -> None:
        """Take an item off the list, and delete what was downloaded if `remove`.

        A finished model stays. Raises `ProblemError` if the item is unknown.
        """
        with self._folder.edit(id) as record:
            record.state, record.remove = "cancelled", remove
        self._stop_active(id)
        self._sweep(id)
        self._changed()

    def move(self, id: str, before: str | None) -> None:
        """Move an item before another, or to the end. Raises `ProblemError` if it is unknown."""
        self._folder.move(id, before)
        self._changed()

    def clear_finished(self) -> None:
        """Take finished items off the list; their models stay."""
        for id in self._folder.ids():
            record = self._folder.record(id)
            if record is not None and record.state == "done":
                self._folder.forget(id)
        self._changed()

    def start(self) -> None:
        """Start the thread that downloads the items one after another."""
        if self._thread is None:
            self._closing.clear()
            self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread. A running item goes on at the next start, at the byte reached."""
        self._closing.set()
        self._wake.set()
        for active in list(self._active.values()):
            active.stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run(self, id: str, stop: threading.Event) -> Problem | None:
        """Download one item in the calling thread. Returns the problem, or None when it is done.

        If another process downloads it, waits for that one. `stop` ends the call from another
        thread: the item is then paused, or goes on in the other process.
        """
        while True:
            with self._folder.claim(id) as claimed:
                if claimed:
                    return self._run_claimed(id, stop, state_if_stopped="paused")
            self._notify()
            record = self._folder.record(id)
            if record is None or record.state == "cancelled":
                return cancelled().problem
            if stop.wait(_POLL_SECONDS / 4):
                return cancelled().problem

    def _work(self) -> None:
        unfinished = False
        while not self._closing.is_set():
            self._wake.clear()
            if self._offline is None and self._run_next():
                unfinished = True
                continue
            if self._folder.is_there:
                unfinished = any(self._is_unfinished(id) for id in self._folder.ids())
            else:
                self._skipped.clear()  # they go on when their disk is back
            seconds = _OFFLINE_SECONDS if self._offline is not None else _POLL_SECONDS
            self._wake.wait(seconds if unfinished else None)
            self._offline = None

    def _run_next(self) -> bool:
        """Download the first item that waits. Returns False if there is none for this process."""
        for id in self._folder.ids():
            record = self._folder.record(id)
            if record is None or id in self._skipped or self._closing.is_set():
                continue
            with contextlib.suppress(ProblemError):  # on a read-only disk
                if record.state == "cancelled":
                    self._sweep(id)
                if record.state not in ("waiting", "running"):
                    continue
                with self._folder.claim(id) as claimed:
                    if claimed:
                        self._run_claimed(id, self._closing, state_if_stopped="waiting")
                        return self._offline is None
        return False

    def _run_claimed(
        self, id: str, stop: threading.Event, state_if_stopped: State
    ) -> Problem | None:
        item, record = self._folder.item(id), self._folder.record(id)
        if record is None or item is None:
            return unknown(id).problem
        if record.state == "done" and (self._folder.models / record.folder).is_dir():
            return None
        active = ItemDownload(self._folder, item, self._token_of, self._retry_pause)
        self._active[id] = active
        try:
            with self._folder.edit(id) as record:
                if record.state not in ("waiting", "running", "done"):  # changed just now
                    return cancelled().problem
                record.state, record.problem = "running", None
            folder = active.run(lambda: self._tick(id, active, stop))
            with self._folder.edit(id) as record:
                record.state, record.folder = "done", folder
            self._offline = None
            return None
        except ProblemError as error:
            return self._failed(id, error, state_if_stopped)
        except Exception as error:
            wrapped = ProblemError(unexpected(error))
            return self._failed(id, wrapped, state_if_stopped)
        except BaseException:  # Ctrl+C in the calling thread
            self._failed(id, cancelled(), state_if_stopped)
            raise
        finally:
            del self._active[id]
            self._notify()

    def _failed(self, id: str, error: ProblemError, state_if_stopped: State) -> Problem:
        was_stopped = error.problem.kind == "cancelled"
        if was_stopped and not self._folder.is_there:
            gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return disk_problem(self._folder.models, gone).problem
        goes_offline = isinstance(error, NoNetworkError) and state_if_stopped == "waiting"
        removes = False
        if goes_offline:  # before the item is seen to wait
            self._offline = error.problem
        self._counts.pop(id, None)
        self._skipped.add(id)  # if the disk is too full to note that it failed
        with contextlib.suppress(ProblemError):
            with self._folder.edit(id) as record:
                if record.state == "running":
                    keeps_waiting = was_stopped or goes_offline
                    record.state = state_if_stopped if keeps_waiting else "failed"
                    record.problem = None if was_stopped else error.problem
                removes = record.state == "cancelled" and record.remove
            self._skipped.discard(id)
        if removes:
            self._folder.forget(id)
        return error.problem

    def _tick(self, id: str, active: ItemDownload, stop: threading.Event) -> None:
        record = self._folder.record(id)
        if stop.is_set() or record is None or record.state != "running":
            active.stop.set()
        self._notify()

    def _sweep(self, id: str) -> None:
        """Delete a cancelled item whose files shall go, if no process works on it."""
        record = self._folder.record(id)
        if record is None or record.state != "cancelled" or not record.remove:
            return
        with self._folder.claim(id) as claimed:
            if claimed:
                self._folder.forget(id)

    def _set_state(self, id: str, state: State, allowed: tuple[State, ...]) -> None:
        with self._folder.edit(id) as record:
            if record.state not in UNFINISHED:
                raise unknown(id)
            if record.state in allowed:
                record.state, record.problem = state, None
            self._skipped.discard(id)
        if state != "waiting":
            self._stop_active(id)
        self._changed()

    def _stop_active(self, id: str) -> None:
        active = self._active.get(id)
        if active is not None:
            active.stop.set()

    def _is_unfinished(self, id: str) -> bool:
        record = self._folder.record(id)
        return record is not None and record.state in ("waiting", "running")

    def _changed(self) -> None:
        self._wake.set()
        self._notify()

    def _notify(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
