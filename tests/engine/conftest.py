"""Fixtures of the engine tests: clients that must leave no process behind, and jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.engine.local import client as client_module
from studio.engine.local.client import EngineClient
from studio.engine.local.job import Job
from studio.kinds.text import TextRequest
from studio.protocol import RunJob
from tests.engine.event_recorder import MODEL

PATIENCE = 60
"""Seconds for a killed process to be gone."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep all state of a test in its own folder."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STUDIO_FAKE_ENGINE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., EngineClient]]:
    """Make clients; at the end all their processes and threads must be gone."""
    before = set(threading.enumerate())
    clients: list[EngineClient] = []

    def make(fake: str = "", **options: Any) -> EngineClient:
        clients.append(EngineClient(log_dir=tmp_path / "logs", fake=fake, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.stop()
    named = [p for p in psutil.Process().children(recursive=True) if "spawn_main" in command(p)]
    _, alive = psutil.wait_procs(named, timeout=PATIENCE)
    assert not alive, "an engine outlived its client"
    left = [t for t in set(threading.enumerate()) - before if t.name.startswith("studio-engine")]
    for thread in left:
        thread.join(PATIENCE)
    left = [thread for thread in left if thread.is_alive()]
    assert not left, "a thread outlived its client"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client wait for an engine that is asked to stop, however slow the machine is."""
    monkeypatch.setattr(client_module, "CANCEL_SECONDS", 600.0)


@pytest.fixture
def client(make_client: Callable[..., EngineClient]) -> EngineClient:
    """A client of the fake engine."""
    return make_client("plain")


@pytest.fixture
def text_job(tmp_path: Path) -> Callable[..., RunJob]:
    """Make a text job for a prompt, which may contain commands for the fake engine."""

    def make(prompt: str = "plain", job: str = "1", rows: int = 1) -> RunJob:
        return RunJob(
            job=job,
            request=TextRequest(prompt=prompt, seed=5, count=rows),
            rows=tuple(range(rows)),
            model=MODEL,
            work_dir=str(tmp_path / "work"),
        )

    return make


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose events are discarded."""
    return Job("1", tmp_path / "work", lambda _: None, threading.Event())


def command(process: psutil.Process) -> str:
    """Return the command line of a process, empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
