"""An engine process that was stopped (SIGSTOP) or does not respond is noticed, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import psutil
import pytest

from studio.engine.local import client as client_module
from studio.engine.local.client import EngineClient
from studio.kinds.coding import unpack_event
from studio.protocol import (
    Accepted,
    Alive,
    Cancelled,
    Done,
    Event,
    Failed,
    NotResponding,
    Progress,
    Responding,
    RunJob,
    RunTogether,
)
from tests.engine.event_recorder import Recorder
from tests.engine.test_process_exit import app as app

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")

MakeJob = Callable[..., RunJob]


@pytest.fixture
def warm(
    make_client: Callable[..., EngineClient],
    text_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
) -> EngineClient:
    """A client whose process is running, and counts as silent after half a second."""
    monkeypatch.setattr(client_module, "SILENCE_SECONDS", 0.5)
    client = make_client("plain")
    client.run(text_job(job="warm"), lambda _: None)
    return client


class StopsAt:
    """Stop the process at the first event of a type, and call `then` when it does not respond."""

    def __init__(
        self, client: EngineClient, then: Callable[[], object], at: type[Event] = Progress
    ) -> None:
        self.events: list[Event] = []
        self.silent: list[str] = []
        self._client = client
        self._then = then
        self._at: type[Event] | None = at

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self._at is not None and isinstance(event, self._at):
            self._at = None
            os.kill(self._client.pid or 0, signal.SIGSTOP)
        elif isinstance(event, NotResponding) and self._at is None and not self.silent:
            self.silent.append(event.job)
            self._then()


def test_a_stopped_engine_is_noticed_and_so_is_that_it_goes_on(
    warm: EngineClient, text_job: MakeJob
) -> None:
    pid = warm.pid or 0
    recorder = StopsAt(warm, lambda: os.kill(pid, signal.SIGCONT))

    def on_event(event: Event) -> None:
        recorder(event)
        if isinstance(event, Responding):
            warm.cancel("1")

    assert warm.run(text_job("[slow]"), on_event) == Cancelled("1")
    assert recorder.silent == ["1"]
    assert warm.pid == pid


def test_a_long_call_that_releases_the_gil_is_no_silence(
    warm: EngineClient, text_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs_of_life = 0

    def counting(data: bytes) -> Event:
        nonlocal signs_of_life
        event = unpack_event(data)
        signs_of_life += isinstance(event, Alive)
        if signs_of_life == 2 * client_module.HEARTBEATS_PER_SILENCE:
            warm.cancel("1")
        return event

    monkeypatch.setattr(client_module, "unpack_event", counting)
    monkeypatch.setattr(client_module, "SILENCE_SECONDS", 15.0)
    recorder = Recorder()
    assert warm.run(text_job("[hang]"), recorder) == Cancelled("1")
    assert "NotResponding" not in recorder.kinds()


def test_a_call_that_holds_the_gil_is_reported_and_not_ended(
    warm: EngineClient, text_job: MakeJob
) -> None:
    pid = warm.pid or 0
    alive: list[bool] = []

    def look() -> None:
        alive.append(psutil.pid_exists(pid))
        warm.cancel("1")

    recorder = Recorder(NotResponding, look)
    assert warm.run(text_job("[native]"), recorder) == Cancelled("1")
    assert alive == [True]


def test_a_stopped_engine_is_cancelled_at_once(
    warm: EngineClient, text_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No patience that would end within the test.
    monkeypatch.setattr(client_module, "CANCEL_SECONDS", 600.0)
    pid = warm.pid or 0
    final = warm.run(text_job("[slow]"), StopsAt(warm, lambda: warm.cancel("1")))
    assert final == Cancelled("1")
    assert not psutil.pid_exists(pid)
    assert isinstance(warm.run(text_job(job="2"), lambda _: None), Done)


@pytest.mark.parametrize("at", [Accepted, Progress])
def test_a_stopped_engine_is_restarted_and_its_command_fails_with_that_reason(
    warm: EngineClient, text_job: MakeJob, at: type[Event]
) -> None:
    pid = warm.pid or 0
    final = warm.run(text_job("[slow]"), StopsAt(warm, warm.restart, at))
    assert isinstance(final, Failed)
    assert final.problem.kind == "engine_restarted"
    assert not psutil.pid_exists(pid)
    assert isinstance(warm.run(text_job(job="2"), lambda _: None), Done)


def test_a_command_sent_to_a_stopped_idle_engine_is_reported_and_restarted(
    warm: EngineClient, text_job: MakeJob
) -> None:
    os.kill(warm.pid or 0, signal.SIGSTOP)
    final = warm.run(text_job(), Recorder(NotResponding, warm.restart))
    assert isinstance(final, Failed) and final.problem.kind == "engine_restarted"
    assert isinstance(warm.run(text_job(job="2"), lambda _: None), Done)


def test_jobs_that_run_together_report_the_silence_once(
    warm: EngineClient, text_job: MakeJob
) -> None:
    parts = tuple(text_job("[slow]", job=str(n)) for n in range(3))
    recorder = StopsAt(warm, warm.restart)
    warm.run(RunTogether(job="group", parts=parts), recorder)
    assert recorder.silent == ["0"]
    finals = {e.job: e.problem.kind for e in recorder.events if isinstance(e, Failed)}
    assert finals == dict.fromkeys(["0", "1", "2", "group"], "engine_restarted")


def test_stopping_the_client_ends_a_stopped_process(warm: EngineClient) -> None:
    pid = warm.pid or 0
    os.kill(pid, signal.SIGSTOP)
    warm.stop()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("prompt", ["[slow] [helper]", "[hang]", "[native]"])
def test_a_stopped_engine_does_not_outlive_an_app_that_was_killed(
    app: list[str], prompt: str
) -> None:
    with subprocess.Popen([*app, prompt], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        engine = psutil.Process(int(program.stdout.readline()))
        family = [engine, *engine.children(recursive=True)]
        for process in family:
            process.suspend()
        program.kill()
    psutil.wait_procs(family, timeout=60)
    left = [process for process in family if process.is_running()]
    for process in left:
        process.kill()
    assert not left


def test_a_command_larger_than_the_pipe_does_not_block_before_a_stopped_engine(
    warm: EngineClient, text_job: MakeJob
) -> None:
    long_job = text_job("狐" * 190_000)
    os.kill(warm.pid or 0, signal.SIGSTOP)
    final = warm.run(long_job, Recorder(NotResponding, warm.restart))
    assert isinstance(final, Failed) and final.problem.kind == "engine_restarted"
    os.kill(_pid_of_next(warm, text_job), signal.SIGSTOP)
    final = warm.run(long_job, Recorder(NotResponding, lambda: warm.cancel("1")))
    assert final == Cancelled("1")
    assert isinstance(warm.run(long_job, lambda _: None), Done)


def _pid_of_next(client: EngineClient, text_job: MakeJob) -> int:
    """Return the id of the process that replaced an ended one."""
    client.run(text_job(job="next"), lambda _: None)
    assert client.pid is not None
    return client.pid
