"""The queue dock: running and waiting jobs, pausing, cancelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from studio.kinds.text import TextRequest
from studio.ui.main_window import MainWindow
from studio.ui.queue.queue_model import FRACTION_ROLE, STATUS_ROLE, QueueModel


@pytest.fixture
def view(window: MainWindow, find: Callable[[str], Any], qtbot: QtBot) -> Any:
    qtbot.waitUntil(lambda: window.state.library is not None)
    return find("queue.view")


def rows(view: Any) -> list[tuple[str, str]]:
    model: QueueModel = view.model()
    return [
        (
            model.index(row).data(Qt.ItemDataRole.DisplayRole),
            model.index(row).data(STATUS_ROLE).split(" · ")[0],
        )
        for row in range(model.rowCount())
    ]


def submit(window: MainWindow, *prompts: str) -> None:
    # With different settings, so that they do not run together.
    window.state.submit(
        [TextRequest(prompt=prompt, top_k=place) for place, prompt in enumerate(prompts)]
    )


def test_running_jobs_are_listed_before_waiting_and_finished_ones(
    window: MainWindow, view: Any, qtbot: QtBot
) -> None:
    submit(window, "zero")
    qtbot.waitUntil(lambda: rows(view) == [("zero", "Done")], timeout=10_000)
    submit(window, "one [slow]", "two", "three")
    wanted = [("one [slow]", "Running"), ("two", "Waiting"), ("three", "Waiting"), ("zero", "Done")]
    qtbot.waitUntil(lambda: rows(view) == wanted, timeout=10_000)
    qtbot.waitUntil(lambda: (view.model().index(0).data(FRACTION_ROLE) or 0) > 0, timeout=10_000)


def test_cancel_cancels_the_selected_job_or_else_the_running_one(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    submit(window, "one [slow]", "two", "three")
    qtbot.waitUntil(lambda: ("one [slow]", "Running") in rows(view), timeout=10_000)
    view.setCurrentIndex(view.model().index(1))
    find("queue.cancel").click()
    qtbot.waitUntil(lambda: ("two", "Cancelled") in rows(view), timeout=10_000)
    view.clearSelection()
    view.setCurrentIndex(view.model().index(-1))
    find("queue.cancel").click()
    qtbot.waitUntil(lambda: ("one [slow]", "Cancelled") in rows(view), timeout=10_000)
    qtbot.waitUntil(lambda: ("three", "Done") in rows(view), timeout=10_000)


def test_a_paused_queue_starts_no_job_until_it_is_resumed(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    find("queue.pause").click()
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: library.queue.is_paused, timeout=10_000)
    submit(window, "one")
    qtbot.waitUntil(lambda: rows(view) == [("one", "Waiting")], timeout=10_000)
    assert find("queue.pause").isChecked()
    find("queue.pause").click()
    qtbot.waitUntil(lambda: rows(view) == [("one", "Done")], timeout=10_000)


@pytest.mark.parametrize("task", ["text", "image"])
def test_generate_says_that_the_queue_is_paused_and_shows_no_bar_for_a_waiting_job(
    task: str, window: MainWindow, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    tab: Any = window.tabs.show_task(task)
    assert find(f"{task}.paused").isHidden()
    find("queue.pause").click()
    qtbot.waitUntil(lambda: not find(f"{task}.paused").isHidden(), timeout=10_000)
    tab.prompt.set_text("a fox [slow]")
    tab.generate()
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: len(library.queue.list("queued")) == 1, timeout=10_000)
    assert "Waiting" in find(f"{task}.status").text()
    assert find(f"{task}.stop").isEnabled()
    assert find(f"{task}.progress").isHidden()
    find(f"{task}.resume").click()
    qtbot.waitUntil(lambda: find(f"{task}.progress").isVisible(), timeout=10_000)
    qtbot.waitUntil(lambda: find(f"{task}.paused").isHidden(), timeout=10_000)
    tab.stop()
    qtbot.waitUntil(lambda: not find(f"{task}.stop").isEnabled(), timeout=10_000)
    assert find(f"{task}.progress").isHidden()


def test_a_hanging_job_is_killed_and_the_next_one_runs(
    window: MainWindow,
    view: Any,
    find: Callable[[str], Any],
    qtbot: QtBot,
    caplog: pytest.LogCaptureFixture,
) -> None:
    submit(window, "one [hang]", "two")
    qtbot.waitUntil(lambda: ("one [hang]", "Running") in rows(view), timeout=10_000)
    qtbot.waitUntil(lambda: window.state.worker.running_job != "", timeout=10_000)
    find("queue.cancel").click()
    qtbot.waitUntil(lambda: ("two", "Done") in rows(view), timeout=20_000)
    assert ("one [hang]", "Cancelled") in rows(view)
    caplog.clear()


def test_a_double_click_restores_the_settings(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    window.state.submit([TextRequest(prompt="a fox", temperature=1.5, seed=9, count=3)])
    qtbot.waitUntil(lambda: rows(view) == [("a fox", "Done")], timeout=10_000)
    window.tabs.setCurrentIndex(2)
    view.doubleClicked.emit(view.model().index(0))
    tab: Any = window.tab("text")
    assert window.current_task == "text"
    assert tab.prompt.text() == "a fox"
    assert (tab.controls.temperature.value(), tab.controls.seed.value()) == (1.5, 9)
    assert tab.run_bar.count.value() == 3
