"""The reports about one job, in the event loop of the server."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from studio.jobs.runner import RunnerEvent
from studio.library.records import Job
from studio.protocol import Request, sentence
from studio.serve.errors import ApiError, api_error
from studio.serve.job_board import JobBoard, JobEnded

Report = RunnerEvent | JobEnded

_files = ThreadPoolExecutor(4, thread_name_prefix="serve-files")
"""For what touches the disk. Not the default one, whose threads may all be reading bodies."""


class JobFeed:
    """Runs a request as a job and iterates over its reports, the last of which is `JobEnded`.

    An asynchronous context manager: a job that still runs when it is left (the client has gone,
    or has all it asked for) is cancelled.
    """

    def __init__(self, board: JobBoard, request: Request) -> None:
        self._board = board
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._reports: asyncio.Queue[Report] = asyncio.Queue()
        self._job: Job | None = None

    async def __aenter__(self) -> JobFeed:
        if self._board.is_full:
            raise ApiError(
                429,
                sentence("Too many requests are waiting. Try again later."),
                code="rate_limit_exceeded",
                is_worth_retrying=True,
            )
        stored = self._loop.run_in_executor(
            _files, self._board.submit, self._request, self._on_report
        )
        try:
            self._job = await asyncio.shield(stored)
        except asyncio.CancelledError:
            stored.add_done_callback(self._release_stored)
            raise
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        # Not awaited: in a task that was cancelled, that would be cancelled too.
        if self._job is not None:
            self._loop.run_in_executor(_files, self._board.release, self._job.id)

    @property
    def job_id(self) -> str:
        """The id of the job, "" until it is stored."""
        return self._job.id if self._job is not None else ""

    async def next(self, seconds: float | None = None) -> Report | None:
        """Return the next report; None if there is none within some seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await self._reports.get()
        except TimeoutError:
            return None

    def _on_report(self, report: Report) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, the server ends
            self._loop.call_soon_threadsafe(self._reports.put_nowait, report)

    def _release_stored(self, stored: asyncio.Future[Job]) -> None:
        if not stored.cancelled() and stored.exception() is None:
            self._loop.run_in_executor(_files, self._board.release, stored.result().id)


def raise_if_failed(ended: JobEnded) -> None:
    """Raise `ApiError` unless a job is done."""
    if ended.problem is not None:
        raise api_error(ended.problem)
    if ended.status != "done":
        raise ApiError(
            503, sentence("The request was cancelled before it was finished."), code="cancelled"
        )
