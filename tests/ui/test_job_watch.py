"""Following the jobs of one submit: events, counts, and the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Thread

import pytest
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from studio.jobs.runner import JobChanged
from studio.kinds.text import TextRequest
from studio.library.records import Asset, Job
from studio.protocol import Done, Failed, JobStatus, Problem, RowFailed, Sentence, TextDelta
from studio.settings import Paths, Settings
from studio.ui.main_window import MainWindow
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.reports import Enqueued, Refused
from studio.ui.shell.state import AppState

TROUBLE = Problem("bad_input", Sentence("It cannot be done."))


@pytest.fixture
def state(qtbot: QtBot, home: Paths) -> Iterator[AppState]:
    """The state without a worker: the tests emit the reports."""
    del qtbot
    state = AppState(home, Settings())
    yield state
    state.deleteLater()


def job(name: str, status: JobStatus = "queued", problem: Problem | None = None) -> Job:
    return Job(id=name, request=TextRequest(prompt="a fox"), status=status, problem=problem)


def ends(watch: JobWatch) -> list[Ended]:
    found: list[Ended] = []
    watch.ended.connect(found.append)
    return found


def test_a_watch_reports_only_the_jobs_of_its_submit(state: AppState) -> None:
    watch = JobWatch(state, state, token="mine")
    jobs: list[Sequence[Job]] = []
    texts: list[TextDelta] = []
    watch.enqueued.connect(jobs.append)
    watch.text.connect(texts.append)
    state.reports.enqueued.emit(Enqueued("another's", (job("a"),)))
    state.reports.enqueued.emit(Enqueued("mine", (job("b"), job("c"))))
    for name in ("a", "b", "c"):
        state.reports.text.emit(TextDelta(name, 0, name))
    assert [[held.id for held in some] for some in jobs] == [["b", "c"]]
    assert [text.text for text in texts] == ["b", "c"]


def test_a_watch_is_over_with_the_last_of_its_jobs(state: AppState) -> None:
    watch = JobWatch(state, state, jobs=[job("a"), job("b"), job("c")])
    found = ends(watch)
    reports = state.reports
    reports.row_failed.emit(RowFailed("a", 0, TROUBLE))
    reports.done.emit(Done("a", {"seconds": 2.0}))
    reports.job_changed.emit(job("a", "done"))
    reports.failed.emit(Failed("b", TROUBLE))
    assert (watch.is_over, watch.ended_jobs, watch.failed_rows) == (False, 2, 1)
    # For a waiting job the engine sends no event.
    reports.job_changed.emit(job("c", "cancelled"))
    assert found == [
        Ended("a", "done", stats={"seconds": 2.0}),
        Ended("b", "failed", TROUBLE),
        Ended("c", "cancelled"),
    ]
    assert (watch.is_over, watch.ended_jobs) == (True, 3)


def test_a_refused_submit_is_over_at_once(state: AppState, qtbot: QtBot) -> None:
    watch = JobWatch(state, state, token="mine")
    refused: list[Problem] = []
    watch.refused.connect(refused.append)
    state.reports.refused.emit(Refused("another's", TROUBLE))
    assert not watch.is_over
    state.reports.refused.emit(Refused("mine", TROUBLE))
    assert (refused, watch.is_over) == ([TROUBLE], True)
    qtbot.waitUntil(lambda: not isValid(watch))


def test_a_closed_watch_emits_nothing(state: AppState) -> None:
    watch = JobWatch(state, state, jobs=[job("a")])
    found = ends(watch)
    watch.close()
    state.reports.done.emit(Done("a"))
    assert not found


def test_a_cancel_before_enqueueing_takes_effect_once_enqueued(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.state.set_paused(True)
    token = window.state.submit([TextRequest(prompt="a fox"), TextRequest(prompt="an owl")])
    watch = JobWatch(window.state, window, token=token)
    found = ends(watch)
    watch.cancel()
    qtbot.waitUntil(lambda: watch.is_over, timeout=20_000)
    assert [end.status for end in found] == ["cancelled", "cancelled"]


def test_results_are_counted(window: MainWindow, qtbot: QtBot) -> None:
    token = window.state.submit([TextRequest(prompt="a fox", count=3)])
    watch = JobWatch(window.state, window, token=token)
    saved: list[Asset] = []
    watch.saved.connect(saved.append)
    found = ends(watch)
    qtbot.waitUntil(lambda: watch.is_over, timeout=20_000)
    assert watch.saved_count == len(saved) == 3
    assert [end.status for end in found] == ["done"]


def test_a_watch_made_when_a_job_starts_misses_no_later_event(
    state: AppState, qtbot: QtBot
) -> None:
    found: list[Ended] = []

    def follow(changed: Job) -> None:
        if changed.status == "running":
            watch = JobWatch(state, state, jobs=[changed])
            watch.ended.connect(found.append)

    state.reports.job_changed.connect(follow)

    def work() -> None:
        state.reports.post_report(JobChanged(job("a", "running")))
        state.reports.post_report(Done("a"))
        state.reports.post_report(JobChanged(job("a", "done")))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(found))
    assert found == [Ended("a", "done")]
