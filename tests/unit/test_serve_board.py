"""The jobs of the server: their line, their ends, and the engine that rests. With fake engines."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.engine.local.client import EngineClient
from studio.kinds.text import TextRequest
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Loading, ModelRef, Problem, ProblemError, sentence
from studio.serve import job_board
from studio.serve.errors import ApiError
from studio.serve.job_board import JobBoard, JobEnded, WaitingJobs
from studio.serve.job_feed import JobFeed
from studio.settings import default_paths

MODEL = ModelRef(id="fake", name="Fake", task="text", format="transformers", path="/fake")
SECONDS = 60.0


class Board:
    """A board with one fake engine in a temporary library."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STUDIO_HOME", str(home))
        paths = default_paths()
        self.library = Library.open(paths.library, run_queue=False)
        self.engine = EngineClient(log_dir=paths.logs, fake="plain")
        self.registry = Registry(paths)
        monkeypatch.setattr(self.registry, "resolve", lambda *_: MODEL)
        self.board = self.made()

    def made(self, idle_seconds: float = SECONDS) -> JobBoard:
        engines = [self.engine]
        board = JobBoard(
            self.library, engines, self.registry, keeps=True, idle_seconds=idle_seconds
        )
        self.board = board
        return board

    def submit(self, prompt: str = "hi") -> tuple[Job, queue.Queue[object]]:
        reports: queue.Queue[object] = queue.Queue()
        return self.board.submit(TextRequest(prompt=prompt, seed=1), reports.put), reports


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    board = Board(tmp_path, monkeypatch)
    yield board
    board.board.close()
    board.engine.stop()
    board.library.close()


def end_of(reports: queue.Queue[object]) -> JobEnded:
    while True:
        report = reports.get(timeout=SECONDS)
        if isinstance(report, JobEnded):
            return report


def test_requests_with_the_same_settings_share_a_call() -> None:
    waiting = WaitingJobs()

    def job(id: str, **values: object) -> Job:
        request = TextRequest(prompt=id, seed=1).with_values(**values)
        return Job(id=id, request=request, status="running")

    for each in (job("b", count=2), job("c", temperature=0.1), job("d", count=3), job("e")):
        waiting.add(each)
    first = job("a")
    assert [each.id for each in waiting.companions(first, 4)] == ["b", "e"]
    assert [waiting.next(lambda _: True) for _ in range(3)] == [
        job("c", temperature=0.1),
        job("d", count=3),
        None,
    ]


def test_an_idle_engine_leaves_the_memory_and_comes_back(
    made: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_rested = threading.Event()
    restart = made.engine.restart

    def rest() -> None:
        restart()
        has_rested.set()

    monkeypatch.setattr(made.engine, "restart", rest)
    made.made(idle_seconds=0.05).start()
    assert end_of(made.submit()[1]).status == "done"
    before = made.engine.pid
    assert has_rested.wait(SECONDS)
    assert end_of(made.submit()[1]).status == "done"
    assert made.engine.pid != before


def test_an_engine_that_only_made_vectors_rests_too(
    made: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_rested = threading.Event()
    monkeypatch.setattr(made.engine, "restart", has_rested.set)
    board = made.made(idle_seconds=0.05)
    board.start()
    texts = ["a fox"] * 100
    vectors, _ = board.embed(MODEL, texts, False, threading.Event())
    assert len(vectors) == len(texts)
    assert has_rested.wait(SECONDS)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(ProblemError, match="stopped"):
        board.embed(MODEL, texts, False, stopped)


def test_a_job_that_is_released_while_it_runs_is_cancelled(made: Board) -> None:
    made.board.start()
    job, reports = made.submit("[slow]")
    waiting, other = made.submit("[slow] waits")
    while not isinstance(reports.get(timeout=SECONDS), Loading):
        pass
    made.board.release(waiting.id)
    made.board.release(job.id)
    assert (end_of(other).status, end_of(reports).status) == ("cancelled", "cancelled")
    assert {each.status for each in made.library.queue.list()} == {"cancelled"}


def test_an_end_that_cannot_be_stored_is_still_reported(
    made: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = ProblemError(Problem("disk_full", sentence("The disk is full.")))

    def finish(*_: object) -> Job:
        raise full

    monkeypatch.setattr(made.library.queue, "finish", finish)
    made.board.start()
    assert end_of(made.submit()[1]) == JobEnded("failed", full.problem)


def test_a_line_that_is_too_long_and_a_server_that_stops_refuse(
    made: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> None:
        async with JobFeed(made.board, TextRequest(prompt="hi")):
            pass

    monkeypatch.setattr(job_board, "MAX_WAITING", 2)
    reports = [made.submit()[1] for _ in range(2)]
    with pytest.raises(ApiError, match="Too many requests") as error:
        asyncio.run(ask())
    assert error.value.status == 429
    made.board.close()
    assert [end_of(each).status for each in reports] == ["cancelled"] * 2
    with pytest.raises(ProblemError, match="server was stopped"):
        made.submit()
    assert {job.status for job in made.library.queue.list()} == {"cancelled"}
