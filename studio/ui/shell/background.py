"""Work off the window's thread, its result back on it.

One ordered lane for everything that writes to the library, so a job enqueued first runs first,
and a few unordered lanes for reading: lists of models, thumbnails, checks.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import shiboken6
from PySide6.QtCore import QObject, Signal

from studio.protocol import Problem, ProblemError, Sentence, unexpected
from studio.ui.shell.typed_signal import Carries

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

_WIDTHS = {"ordered": 1, "reader": 2, "long": 1}


class Background(QObject):
    """Owned by the window's thread; `close` waits for what has begun and drops the rest."""

    _finished = cast("Carries[_Outcome]", Signal(object))

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[str, ThreadPoolExecutor] = {}
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
        self._start("ordered", owner, work, then, failed)

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
        self._start("reader", owner, work, then, failed)

    def long(
        self,
        owner: QObject,
        work: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Like `read`, for what takes minutes and must not hold up anything else."""
        self._start("long", owner, work, then, failed)

    def close(self) -> None:
        """Drop what has not begun and wait for the rest. Nothing is delivered any more."""
        self._closed = True
        for name, lane in self._lanes.items():
            lane.shutdown(wait=True, cancel_futures=name != "ordered")

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
        if name not in self._lanes:
            from concurrent.futures import ThreadPoolExecutor

            self._lanes[name] = ThreadPoolExecutor(
                _WIDTHS[name], thread_name_prefix=f"studio-{name}"
            )
        future: Future[Any] = self._lanes[name].submit(work)

        def announce(done: Future[Any]) -> None:
            if not (done.cancelled() or self._closed) and shiboken6.isValid(self):
                self._finished.emit(_Outcome(owner, then, failed, done))

        future.add_done_callback(announce)

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


class _Outcome:
    def __init__(
        self,
        owner: QObject,
        then: Callable[[Any], object] | None,
        failed: Callable[[Problem], object] | None,
        done: Future[Any],
    ) -> None:
        self.owner = owner
        self.then = then
        self.failed = failed
        self.done = done


def problem_of(error: BaseException) -> Problem:
    """Return what an exception says to a person; one that nobody foresaw is a bug."""
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
