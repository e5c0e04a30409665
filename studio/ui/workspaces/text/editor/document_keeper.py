"""Keeps the text that is being edited in the library: within a second, and when the app is killed.

What is written goes through one thread, in order. A document belongs to the window that shows it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from studio.protocol import Problem, ProblemError, Sentence
from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.editor.document import Document
from studio.ui.workspaces.text.editor.document_files import DocumentFiles

if TYPE_CHECKING:
    from studio.formats.folders import FileLock

SAVE_AFTER_MS = 400
SAVE_WHILE_TYPING_MS = 1000


class DocumentKeeper(QObject):
    """`read_text` returns the shown text; it is asked for only when it is written."""

    kept = Signal()

    def __init__(self, state: AppState, read_text: Callable[[], str], parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._read_text = read_text
        self._files = DocumentFiles(state.library_root)
        self._document: Document | None = None
        self._changed = False
        self._failed = False
        self._locks: dict[str, FileLock] = {}
        self._quiet = self._timer(SAVE_AFTER_MS)
        self._typing = self._timer(SAVE_WHILE_TYPING_MS)
        state.closing.connect(self._close)

    def _timer(self, milliseconds: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(self.save)
        return timer

    # ---- reading

    def open(self, fallback: Document, opened: Callable[[Document], object]) -> None:
        """Read the document with this id, or use `fallback` if there is none.

        One that another window shows is opened as a copy.
        """

        def read() -> tuple[Document, Problem | None]:
            found, wrong = self._files.load(fallback.id)
            document = found or fallback
            if not self._lock(document.id):
                document.id = f"{document.id[:50]}-{os.urandom(4).hex()}"
                self._lock(document.id)
                message = Sentence("This text is open in another window. Here is a copy of it.")
                wrong = wrong or Problem("bad_input", message)
            return document, wrong

        self._state.background.in_order(
            self, read, partial(self._deliver, opened), self._state.problem.emit
        )

    def open_unsaved(self, opened: Callable[[Document], object]) -> None:
        """Open the text that was edited last, if no version of it was saved."""

        def read() -> Document | None:
            for id in self._files.unsaved():
                if self._lock(id):
                    document, _ = self._files.load(id)
                    if document is not None:
                        return document
                    self._unlock(id)
            return None

        def deliver(found: Document | None) -> None:
            if found is not None and self._document is None:
                self._deliver(opened, (found, None))
            elif found is not None:
                self._unlock(found.id)

        self._state.background.in_order(self, read, deliver, self._state.problem.emit)

    def _deliver(
        self, opened: Callable[[Document], object], found: tuple[Document, Problem | None]
    ) -> None:
        document, wrong = found
        if wrong is not None:
            self._state.problem.emit(wrong)
        if self._document is not None and self._document.id != document.id:
            self.close_document()
        self._document = document
        self._changed = False
        opened(document)

    def close_document(self) -> None:
        """Write the document, and leave it to other windows."""
        self.save()
        document, self._document = self._document, None
        if document is not None:
            self._state.background.in_order(self, lambda: self._unlock(document.id))

    # ---- locks, on the thread that writes

    def _lock(self, id: str) -> bool:
        if id in self._locks:
            return True
        from filelock import Timeout

        from studio.formats.folders import FileLock

        lock = FileLock(self._files.lock_path(id), timeout=0, thread_local=False, mode=0o600)
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
        lock = self._locks.pop(id, None)
        if lock is not None:
            with contextlib.suppress(OSError):
                Path(lock.lock_file).unlink()
            lock.release()

    # ---- writing

    def save_soon(self) -> None:
        """Write the document after a pause in typing, or after a second of typing."""
        self._changed = True
        self._quiet.start()
        if not self._typing.isActive():
            self._typing.start()

    def _take(self) -> tuple[str, bytes] | None:
        self._quiet.stop()
        self._typing.stop()
        document = self._document
        if document is None or not self._changed or self._state.settings.is_unknown:
            return None
        self._changed = False
        document.text = self._read_text()
        document.used = time.time()
        return document.id, msgspec.json.encode(document)

    def save(self) -> None:
        """Write the document in the background, if it was changed."""
        taken = self._take()
        if taken is not None:
            self._state.background.in_order(
                self, partial(self._write, *taken), lambda _: self.kept.emit(), self._not_written
            )

    def save_now(self) -> None:
        """Write the document before the window closes."""
        taken = self._take()
        if taken is not None:
            try:
                self._write(*taken)
            except ProblemError as error:
                self._not_written(error.problem)

    def _write(self, id: str, encoded: bytes) -> None:
        try:
            self._files.save(id, encoded)
        except OSError as error:
            raise ProblemError(
                Problem(
                    "disk_full" if error.errno == errno.ENOSPC else "bad_input",
                    Sentence(
                        "The text that you edit could not be kept in {path}.",
                        {"path": str(self._files.folder)},
                    ),
                    str(error),
                )
            ) from error
        self._failed = False
        self._lock(id)

    def _not_written(self, problem: Problem) -> None:
        """Try again with the next change, and when the window closes."""
        self._changed = True
        # Not said again for every few words.
        if not self._failed:
            self._failed = True
            self._state.problem.emit(problem)

    def _close(self) -> None:
        self.save_now()
        for id in list(self._locks):
            self._unlock(id)
