"""Keeps conversations in the library: reads, saves, renames and deletes them in the background."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from studio.protocol import Problem, ProblemError, Sentence
from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.conversation import Conversation, encode
from studio.ui.workspaces.text.conversation_files import ConversationFiles, Entry, new_id

if TYPE_CHECKING:
    from studio.formats.folders import FileLock

SAVE_AFTER_MS = 500
SAVE_WHILE_WRITING_MS = 3000

_Read = tuple[list[Entry], Conversation, "Problem | None"]


class ConversationKeeper(QObject):
    """A conversation that is shown is locked, so that another window opens a copy of it.

    Nothing is written before the library is open: its folder may be the empty mount point of a
    disk that is not connected.
    """

    entries_changed = Signal()

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._files = ConversationFiles(state.library_root)
        self._earlier = state.paths.settings.with_name("conversation.json")
        self.entries: list[Entry] = []
        self._open: dict[str, Conversation] = {}
        self._reading: dict[str, Callable[[Conversation], object]] = {}
        self._locks: dict[str, FileLock] = {}
        # One that is being released on another thread is not taken for another window's.
        self._locking = threading.Lock()
        self._deleted: set[str] = set()
        self._unsaved: list[Conversation] = []
        self._save_failed = False
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.save_all)
        state.closing.connect(self._unlock_all)

    # ---- reading

    def start(self, opened: Callable[[Conversation], object], *, open_last: bool) -> None:
        """List the conversations, and read the last one; `opened` may be called twice."""

        def show(found: _Read) -> None:
            self._list(found[0])
            self._deliver(found, opened)

        self._state.background.read(
            self, lambda: self._read_all(open_last), show, self._state.problem.emit
        )
        if self._state.library is not None:
            self._library_opened(opened)
        else:
            self._state.library_opened.connect(lambda: self._library_opened(opened))

    def _read_all(self, open_last: bool) -> _Read:
        if self._state.settings.is_unknown:
            return [], Conversation(), None
        entries = self._files.entries()
        if not (open_last and entries) or not self._lock(entries[0].id):
            return entries, Conversation(), None
        return entries, *self._files.load(entries[0].id)

    def _library_opened(self, opened: Callable[[Conversation], object]) -> None:
        if self._state.library is None:
            return
        if self._unsaved:
            self.save_soon(self._unsaved[0])

        def take_over() -> _Read | None:
            self._files.tidy()
            id, wrong = self._files.take_over(self._earlier)
            if not id:
                return None if wrong is None else ([], Conversation(), wrong)
            if not self._lock(id):
                return self._files.entries(), Conversation(), None
            return self._files.entries(), *self._files.load(id)

        def show(found: _Read | None) -> None:
            if found is not None:
                if found[0]:
                    self._list(found[0])
                self._deliver(found, opened)

        self._state.background.in_order(self, take_over, show, self._state.problem.emit)

    def _deliver(self, found: _Read, opened: Callable[[Conversation], object]) -> None:
        _, conversation, wrong = found
        if wrong is not None:
            self._state.problem.emit(wrong)
        # What could not be saved is newer than what was read.
        unsaved = (other for other in self._unsaved if other.id and other.id == conversation.id)
        conversation = next(unsaved, conversation)
        if conversation.id:
            self._open[conversation.id] = conversation
        if conversation.turns:
            opened(conversation)

    def open(self, id: str, opened: Callable[[Conversation], object]) -> None:
        """Read a conversation. One that another window shows is opened as a copy."""
        if id in self._open:
            opened(self._open[id])
            return
        is_read = id in self._reading
        self._reading[id] = opened
        if is_read:
            # Read once, e.g. for both clicks of a double click: what is released twice is lost.
            return

        def read() -> _Read:
            free = self._lock(id)
            conversation, wrong = self._files.load(id)
            if not free:
                conversation.id = ""
                wrong = wrong or Problem(
                    "bad_input",
                    Sentence(
                        "This conversation is open in another window. What you add here is kept "
                        "in a copy."
                    ),
                )
            return [], conversation, wrong

        def deliver(found: _Read) -> None:
            self._deliver(found, self._reading.pop(id))

        def failed(problem: Problem) -> None:
            del self._reading[id]
            self._state.problem.emit(problem)

        self._state.background.in_order(self, read, deliver, failed)

    def search(self, words: str, then: Callable[[set[str]], object]) -> None:
        """Find the conversations that contain all words, on another thread."""
        ids = [entry.id for entry in self.entries]
        self._state.background.waiting(
            self, lambda: self._files.containing(words, ids), then, self._state.problem.emit
        )

    # ---- locks

    def _lock(self, id: str) -> bool:
        """Return whether no other window shows a conversation. Called on any thread."""
        if id in self._locks or self._closed:
            return True
        # Not at the top: it is not needed for the first paint.
        from filelock import Timeout

        from studio.formats.folders import FileLock

        # It belongs to the process: whatever ends that also ends the lock.
        lock = FileLock(self._files.lock_path(id), timeout=0, thread_local=False, mode=0o600)
        with self._locking:
            if id in self._locks:
                return True
            try:
                lock.acquire()
            except Timeout:
                return False
            except (OSError, NotImplementedError):
                # Where nothing can be written, nothing is lost either.
                return True
            self._locks[id] = lock
        return True

    def _unlock(self, id: str) -> None:
        with self._locking:
            lock = self._locks.pop(id, None)
            if lock is None:
                return
            # Removed while it is held, so that it is not another window's.
            with contextlib.suppress(OSError):
                Path(lock.lock_file).unlink()
            lock.release()

    def release(self, conversation: Conversation) -> None:
        """Forget a conversation that is no longer shown and has no job; it is saved before."""
        if any(other is conversation for other in self._unsaved):
            self.save_all()
        self._open.pop(conversation.id, None)
        self._unlock(conversation.id)

    def _unlock_all(self) -> None:
        self._closed = True
        for id in list(self._locks):
            self._unlock(id)

    # ---- writing

    def save_soon(self, conversation: Conversation, *, is_writing: bool = False) -> None:
        """Save a changed conversation after a delay, which is longer while text arrives."""
        conversation.used = time.time()
        if not any(other is conversation for other in self._unsaved):
            self._unsaved.append(conversation)
        if not is_writing:
            self._timer.start(SAVE_AFTER_MS)
        elif not self._timer.isActive():
            self._timer.start(SAVE_WHILE_WRITING_MS)

    @property
    def has_unsaved(self) -> bool:
        """Whether there are changes that are not written yet."""
        return bool(self._unsaved)

    def _to_write(self) -> list[tuple[Conversation, bytes]]:
        """Return what is unsaved and has an id now; it counts as saved from now on."""
        if self._state.library is None or self._state.settings.is_unknown:
            return []
        unsaved, self._unsaved = self._unsaved, []
        found = []
        for conversation in unsaved:
            if conversation.id in self._deleted or not (conversation.turns or conversation.others):
                continue
            if not conversation.id:
                conversation.id = new_id()
                self._open[conversation.id] = conversation
            found.append((conversation, encode(conversation)))
            self._note(Entry(conversation.id, conversation.shown_title(), conversation.used))
        return found

    def save_all(self) -> None:
        """Save what is unsaved in the background, without a delay."""
        self._timer.stop()
        for conversation, encoded in self._to_write():
            self._state.background.in_order(
                self,
                partial(self._write, conversation.id, encoded),
                None,
                partial(self._failed, conversation),
            )

    def _write(self, id: str, encoded: bytes) -> None:
        """Raises `ProblemError`."""
        try:
            self._files.save(id, encoded)
        except OSError as error:
            raise ProblemError(
                Problem(
                    "disk_full" if error.errno == errno.ENOSPC else "bad_input",
                    Sentence(
                        "The conversation could not be saved in {path}.",
                        {"path": str(self._files.folder)},
                    ),
                    str(error),
                )
            ) from error
        self._save_failed = False
        if id in self._open:
            self._lock(id)

    def _failed(self, conversation: Conversation, problem: Problem) -> None:
        """Try again with the next change, and when the window closes."""
        if not any(other is conversation for other in self._unsaved):
            self._unsaved.append(conversation)
        # Not said again for every few words.
        if not self._save_failed:
            self._save_failed = True
            self._state.problem.emit(problem)

    def save_now(self) -> None:
        """Write unsaved changes before the window closes."""
        self._timer.stop()
        for conversation, encoded in self._to_write():
            try:
                self._write(conversation.id, encoded)
            except ProblemError as error:
                self._failed(conversation, error.problem)

    def rename(self, id: str, title: str) -> None:
        """Give a conversation a title; an empty one is its first words."""
        if id in self._open:
            self._set_title(self._open[id], title)
            return

        def rename() -> Conversation:
            was_open = id in self._locks
            if not self._lock(id):
                raise ProblemError(_is_open_elsewhere())
            try:
                conversation, wrong = self._files.load(id)
                if wrong is not None:
                    raise ProblemError(wrong)
                conversation.title = title
                self._write(id, encode(conversation))
            finally:
                if not was_open:
                    self._unlock(id)
            return conversation

        def done(conversation: Conversation) -> None:
            shown = self._open.get(id)
            if shown is not None:
                self._set_title(shown, title)
            else:
                self._note(Entry(id, conversation.shown_title(), conversation.used))

        self._state.background.in_order(self, rename, done, self._state.problem.emit)

    def _set_title(self, conversation: Conversation, title: str) -> None:
        used = conversation.used
        conversation.title = title
        self.save_soon(conversation)
        conversation.used = used
        self._note(Entry(conversation.id, conversation.shown_title(), used))

    def delete(self, id: str, deleted: Callable[[], object]) -> None:
        """Delete a conversation; `undelete` takes it back."""

        def delete() -> None:
            if not self._lock(id):
                raise ProblemError(_is_open_elsewhere())
            with contextlib.suppress(FileNotFoundError):
                self._files.delete(id)

        def done(_: None) -> None:
            self._unlock(id)
            self._list([entry for entry in self.entries if entry.id != id])
            deleted()

        def failed(problem: Problem) -> None:
            self._deleted.discard(id)
            self._state.problem.emit(problem)

        self.save_all()
        self._deleted.add(id)
        self._state.background.in_order(self, delete, done, failed)

    def undelete(self, entry: Entry) -> None:
        """Take a deleted conversation back."""

        def done(_: None) -> None:
            self._deleted.discard(entry.id)
            self._note(entry)
            if entry.id in self._open:
                self.save_soon(self._open[entry.id])

        self._state.background.in_order(
            self, lambda: self._files.restore(entry.id), done, self._state.problem.emit
        )

    # ---- the list

    def _list(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.entries_changed.emit()

    def _note(self, entry: Entry) -> None:
        others = [other for other in self.entries if other.id != entry.id]
        place = next((n for n, other in enumerate(others) if other.used <= entry.used), len(others))
        self._list([*others[:place], entry, *others[place:]])

    def file_of(self, id: str) -> Path:
        """Return the file of a conversation."""
        return self._files.path(id)


def _is_open_elsewhere() -> Problem:
    message = Sentence("This conversation is open in another window. Close it there.")
    return Problem("bad_input", message)
