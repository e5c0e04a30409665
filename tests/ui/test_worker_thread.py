"""The worker thread survives unexpected errors, and runs the lanes."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.engine.local.client import EngineClient
from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.settings import Paths, Settings
from studio.ui.main_window import MainWindow
from studio.ui.shell.reports import LibraryOpened


def test_an_unexpected_database_error_is_reported_once_and_work_continues(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Library.next_job
    faults = [sqlite3.OperationalError("no such table: jobs")] * 3

    def broken(library: Library, *arguments: Any) -> Any:
        if faults:
            raise faults.pop()
        return take(library, *arguments)

    monkeypatch.setattr(Library, "next_job", broken)

    def look_again() -> None:
        before = len(faults)
        window.state.worker.wake()
        qtbot.waitUntil(lambda: len(faults) < before)

    while faults:  # the worker also looks for jobs on its own, every few seconds
        look_again()
    window.state.submit([TextRequest(prompt="a fox", seed=1)])
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: [j.status for j in library.queue.list()] == ["done"], timeout=20_000)
    reported = [m for m in window.messages.messages if "OperationalError" in m.text]
    assert len(reported) == 1


@pytest.mark.usefixtures("home")
def test_an_unreadable_registry_is_reported_and_not_fatal(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.ui.shell.state import AppState

    def broken(_state: AppState) -> Any:
        raise OSError("the models cannot be read")

    monkeypatch.setattr(AppState, "open_registry", broken)
    opened: list[LibraryOpened] = []
    window = MainWindow()
    window.state.reports.library_opened.connect(opened.append)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: bool(opened), timeout=10_000)
    assert opened[0].library is None and opened[0].problem is not None
    window.close()


@pytest.mark.usefixtures("qapp")
def test_threads_that_open_the_registry_at_once_share_one(
    home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.models import registry
    from studio.ui.shell.state import AppState

    both_construct = threading.Barrier(2)

    class SlowRegistry(registry.Registry):
        def __init__(self, paths: Paths, *, waits_for_writers: bool = False) -> None:
            with contextlib.suppress(threading.BrokenBarrierError):
                both_construct.wait(timeout=1)
            super().__init__(paths, waits_for_writers=waits_for_writers)

    monkeypatch.setattr(registry, "Registry", SlowRegistry)
    state = AppState(home, Settings())
    with ThreadPoolExecutor(2) as threads:
        opened = [threads.submit(state.open_registry) for _ in range(2)]
    assert opened[0].result() is opened[1].result()


def test_jobs_of_a_batch_run_together_and_can_be_cancelled_separately(
    window: MainWindow, qtbot: QtBot
) -> None:
    prompts = ("[slow] one", "two", "three")
    window.state.submit([TextRequest(prompt=p, seed=1) for p in prompts], batch="b")
    worker, library = window.state.worker, window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: len(worker.running_jobs) == 3, timeout=20_000)
    first, second, third = worker.running_jobs
    window.state.cancel(second)
    qtbot.waitUntil(lambda: worker.running_jobs == (first, third), timeout=20_000)
    assert {j.id: j.status for j in library.queue.list()} == {
        first: "running",
        second: "cancelled",
        third: "running",
    }
    window.state.cancel(first)
    window.state.cancel(third)
    qtbot.waitUntil(lambda: worker.running_jobs == (), timeout=20_000)


def test_jobs_on_two_engines_run_side_by_side_and_are_cancelled_separately(
    request: pytest.FixtureRequest, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = request.getfixturevalue("home")
    engines = tuple(EngineClient(log_dir=paths.logs, fake="plain") for _ in range(2))
    monkeypatch.setattr("studio.engine.factory.make_engines", lambda **_: engines)
    window = request.getfixturevalue("window")
    worker = window.state.worker
    for seed in (1, 2):
        window.state.submit([TextRequest(prompt="[slow]", seed=seed)])
    qtbot.waitUntil(lambda: len(worker.running_jobs) == 2, timeout=20_000)
    first, second = worker.running_jobs
    library = window.state.library
    window.state.cancel(first)
    qtbot.waitUntil(lambda: worker.running_jobs == (second,), timeout=20_000)
    assert {j.id: j.status for j in library.queue.list()} == {first: "cancelled", second: "running"}
    # The window closes while a job runs in the second lane; nothing may be left behind.
