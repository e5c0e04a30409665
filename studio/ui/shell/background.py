"""Run work on background threads and deliver the result on the GUI thread.

A single-threaded executor runs everything that writes to the library, so that jobs run in the
order in which they were enqueued. More executors serve reads (lists of models, thumbnails,
checks), work that waits for the network or for large folders, and work that takes minutes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import shiboken6
from msgspec import Struct
from PySide6.QtCore import QObject, Signal

from studio.protocol import Problem, ProblemError, Sentence, unexpected
from studio.ui.shell.typed_signal import TypedSignal

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

_THREADS = {"ordered": 1, "reader": 2, "waiting": 3, "long": 1}


class Background(QObject):
    """Thread pools of the window. All methods must be called on the GUI thread."""

    _finished = cast("TypedSignal[_Outcome]", Signal(object))

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executors: dict[str, ThreadPoolExecutor] = {}
        self._closed = False
        self._finished.connect(self._deliver)

    def in_order(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Run `work` after all work submitted here before; see `read` for the callbacks."""
        self._start("ordered", owner, work, then, failed)

    def read(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Run `work` on another thread, then call `then(result)` on the GUI thread.

        If `work` raises, `failed(problem)` is called instead; without `failed` the exception is
        raised on the GUI thread. Neither is called after `owner` has been deleted.
        """
        self._start("reader", owner, work, then, failed)

    def waiting(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Like `read`, for work that mostly waits for a server or a disk, up to a minute."""
        self._start("waiting", owner, work, then, failed)

    def long(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Like `read`, for work that takes minutes and must not delay anything else."""
        self._start("long", owner, work, then, failed)

    def close(self) -> None:
        """Finish running and ordered work, cancel the rest, and deliver no more results."""
        self._closed = True
        for name, executor in self._executors.items():
            executor.shutdown(wait=True, cancel_futures=name != "ordered")

    def _start(
        self,
        name: str,
        owner: QObject,
        work: Callable[[], Any],
        then: Callable[[Any], object] | None,
        failed: Callable[[Problem], object] | None,
    ) -> None:
        if self._closed:
            return
        if name not in self._executors:
            from concurrent.futures import ThreadPoolExecutor

            self._executors[name] = ThreadPoolExecutor(
                _THREADS[name], thread_name_prefix=f"studio-{name}"
            )
        future: Future[Any] = self._executors[name].submit(work)

        def on_done(done: Future[Any]) -> None:
            if not (done.cancelled() or self._closed) and shiboken6.isValid(self):
                self._finished.emit(_Outcome(owner, then, failed, done))

        future.add_done_callback(on_done)

    def _deliver(self, outcome: _Outcome) -> None:
        if self._closed or not shiboken6.isValid(outcome.owner):
            return
        error = outcome.done.exception()
        if error is None:
            if outcome.then is not None:
                outcome.then(outcome.done.result())
        elif outcome.failed is not None:
            outcome.failed(problem_of(error))
        else:
            raise error


class _Outcome(Struct, frozen=True):
    owner: QObject
    then: Callable[[Any], object] | None
    failed: Callable[[Problem], object] | None
    done: Future[Any]


def problem_of(error: BaseException) -> Problem:
    """Return the problem to show for an exception; an unexpected one is reported as a bug."""
    if isinstance(error, ProblemError):
        return error.problem
    found = unexpected(error)
    if not isinstance(error, OSError):
        return found
    return Problem(
        "disk_full" if error.errno == errno.ENOSPC else "bad_input",
        Sentence(
            "The file system reported an error: {reason}.",
            {"reason": error.strerror or type(error).__name__},
        ),
        found.detail,
    )
