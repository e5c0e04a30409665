"""An engine that does not respond is announced, and can be restarted without losing anything."""

from __future__ import annotations

import os

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from studio.engine.local import client
from studio.kinds.text import TextRequest
from studio.ui.main_window import MainWindow
from tests.engine.silence import make_silent_when_stopped

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")


@pytest.fixture(autouse=True)
def silent_when_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    make_silent_when_stopped(monkeypatch)


def _announced(window: MainWindow) -> bool:
    return "not responding" in window.messages.text()


def test_a_stopped_engine_is_announced_and_restarts_with_a_click(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.state.submit([TextRequest(prompt="[stop]", seed=1, count=2)])
    library = window.state.library
    assert library is not None
    # It stops after each row, the last one included.
    for made in (1, 2):
        qtbot.waitUntil(lambda: _announced(window), timeout=20_000)
        (job,) = library.queue.list()
        assert job.status == "running"
        assert len(library.assets.of_job(job.id)) == made
        button = window.findChild(QPushButton, "messages.action")
        assert button is not None and button.text() == "Restart engine"
        button.click()
        assert not _announced(window)
    qtbot.waitUntil(lambda: [j.status for j in library.queue.list()] == ["done"], timeout=20_000)
    assert [a.row for a in library.assets.of_job(job.id)] == [0, 1]


def test_the_announcement_ends_with_a_job_that_is_cancelled(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "CANCEL_SECONDS", 600.0)
    window.state.submit([TextRequest(prompt="[stop]", seed=1, count=2)])
    qtbot.waitUntil(lambda: _announced(window), timeout=20_000)
    library = window.state.library
    assert library is not None
    window.state.cancel(window.state.worker.running_job)
    qtbot.waitUntil(lambda: not _announced(window), timeout=20_000)
    assert [j.status for j in library.queue.list()] == ["cancelled"]
