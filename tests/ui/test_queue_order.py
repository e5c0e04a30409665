"""The order of the queue: dragging, the keyboard, actions on many jobs, remaining time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from studio.jobs.backlog import RemainingTime
from studio.kinds.requests import prompt_of
from studio.kinds.text import TextRequest
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import JobStatus, Problem, sentence
from studio.ui.main_window import MainWindow
from studio.ui.queue.queue_model import STATUS_ROLE, QueueModel
from studio.ui.queue.summary import summary

MOVE = Qt.DropAction.MoveAction
NOWHERE = QModelIndex()


def job(name: str, status: JobStatus = "queued") -> Job:
    return Job(id=name, request=TextRequest(prompt=name), status=status)


@pytest.fixture
def model() -> QueueModel:
    """One running job, three waiting ones, one finished."""
    made = QueueModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.set_jobs(
        [job("run", "running"), job("a"), job("b"), job("c"), job("end", "done")],
    )
    return made


def order(model: QueueModel) -> list[str]:
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def drop(model: QueueModel, rows: list[int], at: int) -> bool:
    data = model.mimeData([model.index(row) for row in rows])
    return model.dropMimeData(data, MOVE, at, 0, NOWHERE)


def test_only_waiting_jobs_can_be_dragged(model: QueueModel) -> None:
    draggable = [
        bool(model.flags(model.index(row)) & Qt.ItemFlag.ItemIsDragEnabled) for row in range(5)
    ]
    assert draggable == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("rows", "at", "shown", "before"),
    [
        ([3], 1, "run c a b end", "a"),
        ([1], 3, "run b a c end", "c"),
        ([1], 4, "run b c a end", None),
        ([1], -1, "run b c a end", None),
        ([1, 3], 2, "run a c b end", "b"),
    ],
)
def test_a_drop_between_waiting_jobs_moves_them_there(
    model: QueueModel, rows: list[int], at: int, shown: str, before: str | None
) -> None:
    said: list[tuple[list[str], object]] = []
    model.moved.connect(lambda ids, before: said.append((ids, before)))
    ids = [str(model.index(row).data()) for row in rows]
    assert drop(model, rows, at)
    assert " ".join(order(model)) == shown
    assert said == [(ids, before)]


def test_a_drop_among_running_or_finished_jobs_does_nothing(model: QueueModel) -> None:
    assert not drop(model, [2], 0)
    assert not drop(model, [2], 5)
    data = model.mimeData([model.index(2)])
    assert not model.dropMimeData(data, MOVE, 0, 0, model.index(1))
    assert order(model) == ["run", "a", "b", "c", "end"]


def test_a_drop_after_the_last_listed_job_is_before_the_first_unlisted_one(
    model: QueueModel,
) -> None:
    said: list[object] = []
    model.moved.connect(lambda _, before: said.append(before))
    model.set_jobs([job("a"), job("b")], first_unlisted="next")
    assert drop(model, [0], -1)
    assert said == ["next"]


def test_remaining_rows_keep_their_selection_when_others_change(model: QueueModel) -> None:
    chosen = QPersistentModelIndex(model.index(3))
    model.set_jobs([job("c", "running"), job("new"), job("b"), job("run", "done")])
    assert order(model) == ["c", "new", "b", "run"]
    assert (chosen.row(), chosen.data()) == (0, "c")
    assert model.index(0).data(STATUS_ROLE) == "Running"


# ---- in the window


@pytest.fixture
def library(window: MainWindow, qtbot: QtBot) -> Library:
    """The library of a window whose queue is paused."""
    qtbot.waitUntil(lambda: window.state.library is not None)
    assert window.state.library is not None
    window.state.library.queue.set_paused(True)
    return window.state.library


@pytest.fixture
def view(library: Library, find: Callable[[str], Any]) -> Any:
    assert library.queue.is_paused
    find("queue.line").click()
    return find("queue.view")


def titles(view: Any) -> list[str]:
    """Return what the list shows; the next key applies to that."""
    model = view.model()
    return [model.index(row).data() for row in range(model.rowCount())]


def wait_for(window: MainWindow, view: Any, qtbot: QtBot, *prompts: str) -> list[str]:
    """Enqueue, and return the jobs' ids once they are listed."""
    assert window.state.library is not None
    # With different settings, so that they do not run together.
    jobs = window.state.library.queue.enqueue(
        [TextRequest(prompt=prompt, top_k=place % 1000) for place, prompt in enumerate(prompts)]
    )
    window.state.jobs_changed.emit()
    qtbot.waitUntil(lambda: view.model().rowCount() >= min(len(prompts), 200), timeout=10_000)
    return [job.id for job in jobs]


def turns(library: Library) -> list[str]:
    return [prompt_of(job.request) for job in library.queue.list("queued")]


def press(menu: QMenu, name: str) -> None:
    menu.aboutToShow.emit()
    action = next(action for action in menu.actions() if action.objectName() == name)
    assert action.isEnabled()
    action.trigger()


def test_alt_and_an_arrow_key_move_the_selected_jobs_by_one_position(
    window: MainWindow, library: Library, view: Any, qtbot: QtBot
) -> None:
    wait_for(window, view, qtbot, "one", "two", "three")
    view.setFocus()
    view.setCurrentIndex(view.model().index(2))
    qtbot.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(
        lambda: turns(library) == titles(view) == ["one", "three", "two"], timeout=10_000
    )
    qtbot.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(
        lambda: turns(library) == titles(view) == ["three", "one", "two"], timeout=10_000
    )
    qtbot.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(
        lambda: turns(library) == titles(view) == ["one", "three", "two"], timeout=10_000
    )
    assert view.currentIndex().data() == "three"


def test_a_job_dropped_in_the_list_is_moved_in_the_library(
    window: MainWindow, library: Library, view: Any, qtbot: QtBot
) -> None:
    wait_for(window, view, qtbot, "one", "two", "three")
    data = view.model().mimeData([view.model().index(2)])
    view.drop(data, view.visualRect(view.model().index(0)).topLeft())
    qtbot.waitUntil(
        lambda: turns(library) == titles(view) == ["three", "one", "two"], timeout=10_000
    )
    view.drop(data, view.visualRect(view.model().index(1)).bottomLeft())
    qtbot.waitUntil(lambda: turns(library) == ["one", "three", "two"], timeout=10_000)


def test_cancelling_all_waiting_jobs_can_be_undone(
    window: MainWindow, library: Library, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    wait_for(window, view, qtbot, "one", "two", "three")
    said: list[Any] = []
    window.state.message.connect(lambda *message: said.append(message))
    press(find("queue.more").menu(), "queue.cancel_waiting")
    qtbot.waitUntil(lambda: len(said) == 1, timeout=10_000)
    assert library.queue.counts() == {"cancelled": 3}
    text, _, action_text, undo = said[0]
    assert (text, action_text) == ("3 waiting jobs were cancelled.", "Undo")
    undo()
    qtbot.waitUntil(lambda: turns(library) == ["one", "two", "three"], timeout=10_000)


def test_cancel_all_cancels_the_running_job_too_and_starts_no_other(
    window: MainWindow, library: Library, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    wait_for(window, view, qtbot, "one [slow]", "two", "three")
    window.state.set_paused(False)
    qtbot.waitUntil(lambda: window.state.worker.running_job != "", timeout=10_000)
    qtbot.waitUntil(lambda: library.queue.counts().get("running") == 1, timeout=10_000)
    press(find("queue.more").menu(), "queue.cancel_all")
    qtbot.waitUntil(lambda: library.queue.counts() == {"cancelled": 3}, timeout=20_000)


def test_jobs_that_run_together_are_cancelled_together(
    window: MainWindow, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    library.queue.enqueue([TextRequest(prompt=f"{n} [slow]") for n in range(3)], batch="night")
    window.state.set_paused(False)
    qtbot.waitUntil(lambda: library.queue.counts() == {"running": 3}, timeout=10_000)
    qtbot.waitUntil(lambda: find("queue.view").model().counts() == (3, 0), timeout=10_000)
    find("queue.cancel").click()
    qtbot.waitUntil(lambda: library.queue.counts() == {"cancelled": 3}, timeout=20_000)


def test_failed_jobs_are_retried_interrupted_ones_resumed_and_finished_ones_cleared(
    window: MainWindow, library: Library, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    ids = wait_for(window, view, qtbot, "failed", "cut", "waits")
    ended: list[tuple[str, JobStatus]] = [(ids[0], "failed"), (ids[1], "interrupted")]
    for known, status in ended:
        found = library.queue.get(known)
        assert found is not None
        library.queue.start(found)
        library.queue.finish(known, status, Problem("bug", sentence("x")))
    window.state.jobs_changed.emit()
    more = find("queue.more").menu()
    qtbot.waitUntil(lambda: view.model().waiting()[0].id == ids[2], timeout=10_000)
    press(more, "queue.resume_all")
    qtbot.waitUntil(lambda: turns(library) == ["cut", "waits"], timeout=10_000)
    press(more, "queue.retry_failed")
    qtbot.waitUntil(lambda: turns(library) == ["cut", "waits", "failed"], timeout=10_000)
    press(more, "queue.clear")
    qtbot.waitUntil(lambda: library.queue.counts() == {"queued": 3}, timeout=10_000)


def test_ten_thousand_waiting_jobs_are_counted_and_two_hundred_listed(
    window: MainWindow, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    wait_for(window, view, qtbot, *(f"job {n}" for n in range(10_000)))
    assert view.model().rowCount() == 200
    assert view.model().waiting()[0].request.prompt == "job 0"
    qtbot.waitUntil(
        lambda: "9,800 more jobs are waiting." in find("queue.summary").text(), timeout=10_000
    )


# ---- remaining time


def test_the_dock_shows_the_remaining_time_once_it_is_known(
    window: MainWindow, library: Library, view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    said = find("queue.summary")
    wait_for(window, view, qtbot, "one", "two")
    qtbot.waitUntil(lambda: said.text() == "2 jobs of unknown duration.", timeout=10_000)
    window.state.set_paused(False)
    qtbot.waitUntil(lambda: library.queue.counts() == {"done": 2}, timeout=20_000)
    qtbot.waitUntil(lambda: said.text() == "", timeout=10_000)


NOW = datetime(2026, 1, 1, 23, 40)


@pytest.mark.parametrize(
    ("left", "progress", "paused", "said"),
    [
        (RemainingTime(), {}, False, ""),
        (RemainingTime(14_400), {}, False, "About 4 h 0 min left, finished at about 03:40."),
        (
            RemainingTime(110, 0, {"a": 600.0}),
            {"a": 10.0},
            False,
            "About 2 min left, finished at about 23:42.",
        ),
        (
            RemainingTime(110, 0, {"a": None}),
            {},
            False,
            "At least 2 min left. 1 job of unknown duration.",
        ),
        (RemainingTime(700, 3), {}, True, "About 12 min left. 3 jobs of unknown duration."),
        (RemainingTime(0, 2), {}, False, "2 jobs of unknown duration."),
    ],
)
def test_the_remaining_time_is_shown_in_words(
    left: RemainingTime, progress: dict[str, float], paused: bool, said: str
) -> None:
    assert summary(left, progress, unlisted=0, paused=paused, now=NOW) == said


@pytest.mark.parametrize(
    ("unlisted", "text"),
    [(0, ""), (1, "1 more job is waiting."), (1200, "1,200 more jobs are waiting.")],
)
def test_waiting_jobs_that_are_not_listed_are_counted(unlisted: int, text: str) -> None:
    left = RemainingTime(0, 0)
    assert summary(left, {}, unlisted=unlisted, paused=False, now=NOW) == text
