"""Work off the window's thread, its result back on it.

One ordered lane for everything that writes to the library, so a job enqueued first runs first,
and a few unordered lanes for reading: lists of models, thumbnails, checks.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Signal

from studio.protocol import Problem, ProblemError, Sentence

T = TypeVar("T")


class Background(QObject):
    """Owned by the window's thread; `close` waits for what has begun and drops the rest."""

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ordered = ThreadPoolExecutor(1, thread_name_prefix="studio-ordered")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="studio-reader")
        self._closed = False
        self._finished.connect(self._deliver)

    def in_order(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Run `work` after everything handed in before; see `read`."""
        self._start(self._ordered, owner, work, then, failed)

    def read(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Run `work` on another thread, then `then(result)` on the window's thread.

        `failed(problem)` is called instead where `work` raised. Neither is called once `owner`
        is gone.
        """
        self._start(self._readers, owner, work, then, failed)

    def close(self) -> None:
        """Drop what has not begun and wait for the rest. Nothing is delivered any more."""
        self._closed = True
        self._ordered.shutdown(wait=True, cancel_futures=False)
        self._readers.shutdown(wait=True, cancel_futures=True)

    def _start(
        self,
        lane: ThreadPoolExecutor,
        owner: QObject,
        work: Callable[[], Any],
        then: Callable[[Any], object] | None,
        failed: Callable[[Problem], object] | None,
    ) -> None:
        if self._closed:
            return
        future: Future[Any] = lane.submit(work)

        def announce(done: Future[Any]) -> None:
            if done.cancelled() or self._closed or not shiboken6.isValid(self):
                return
            self._finished.emit((owner, then, failed), done)

        future.add_done_callback(announce)

    def _deliver(self, wanted: object, done: Future[Any]) -> None:
        owner, then, failed = wanted  # type: ignore[misc]  # a signal carries it untyped
        if self._closed or not shiboken6.isValid(owner):
            return
        error = done.exception()
        if error is None:
            if then is not None:
                then(done.result())
        elif failed is not None:
            failed(problem_of(error))
        else:
            raise error


def problem_of(error: BaseException) -> Problem:
    """Return what an exception says to a person; one that nobody foresaw is a bug."""
    if isinstance(error, ProblemError):
        return error.problem
    import traceback

    detail = "".join(traceback.format_exception(error))
    if isinstance(error, OSError):
        return Problem(
            "disk_full" if error.errno == 28 else "bad_input",
            Sentence(
                "The disk said no: {reason}.", {"reason": error.strerror or type(error).__name__}
            ),
            detail,
        )
    return Problem(
        "bug",
        Sentence(
            "Something went wrong in the app itself ({name}). Please report it with the detail.",
            {"name": type(error).__name__},
        ),
        detail,
    )
