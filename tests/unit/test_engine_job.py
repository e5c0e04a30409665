"""Events of a job: throttled text, progress and previews, cancellation, temporary files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from studio.engine.local import job as job_module
from studio.engine.local.job import EtaEstimator, Job, JobCancelledError
from studio.kinds.text import TextRequest
from studio.protocol import AssetReady, Event, Preview, Progress, Recipe, TextDelta


class Clock:
    """Replace the time module by a clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(job_module, "time", clock)
    return clock


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def job(tmp_path: Path, events: list[Event]) -> Job:
    return Job("1", tmp_path / "work", events.append, threading.Event())


def test_text_is_sent_twenty_times_a_second_at_most_and_none_is_lost(
    job: Job, clock: Clock, events: list[Event]
) -> None:
    for number in range(100):
        for row in range(3):
            job.text(row, f"{number},")
        clock.now += 0.01
    assert len(events) <= 21
    assert {event.row for event in events if isinstance(event, TextDelta)} == {0, 1, 2}
    job.flush()
    for row in range(3):
        parts = [e.text for e in events if isinstance(e, TextDelta) and e.row == row]
        assert "".join(parts) == "".join(f"{number}," for number in range(100))


def test_progress_is_throttled_but_the_last_step_is_always_sent(
    job: Job, clock: Clock, events: list[Event]
) -> None:
    for step in range(1, 101):
        job.progress(step, 100)
        clock.now += 0.001
    assert len(events) <= 4
    assert events[-1] == Progress("1", 100, 100)


def test_the_last_progress_of_a_job_that_stops_early_is_flushed(
    job: Job, events: list[Event]
) -> None:
    job.progress(1, 10)
    job.progress(2, 10)
    job.flush()
    assert events[-1] == Progress("1", 2, 10)


def test_previews_that_come_too_fast_are_not_rendered(
    job: Job, clock: Clock, events: list[Event]
) -> None:
    made: list[Path] = []

    def save(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"picture")

    for row in (0, 0, 1):
        job.preview(row, save)
    clock.now += 0.06
    job.preview(0, save)
    assert len(made) == 3
    previews = [event for event in events if isinstance(event, Preview)]
    assert [event.row for event in previews] == [0, 1, 0]
    assert (job.work_dir / previews[0].file.name).read_bytes() == b"picture"


def test_a_preview_that_cannot_be_written_does_not_fail_the_job(
    job: Job, events: list[Event]
) -> None:
    def save(_: Path) -> None:
        raise OSError(28, "No space left on device")

    job.preview(0, save)
    assert events == []


def test_an_asset_follows_all_of_its_text(job: Job, events: list[Event]) -> None:
    recipe = Recipe(request=TextRequest(prompt="x"), row=0, seed=1)
    job.text(0, "a")
    job.text(0, "b")
    job.asset(0, job.work_dir / "x.txt", recipe)
    assert [type(event) for event in events] == [TextDelta, TextDelta, AssetReady]


def test_a_cancelled_job_stops_at_its_next_check(tmp_path: Path) -> None:
    cancelled = threading.Event()
    job = Job("1", tmp_path, lambda _: None, cancelled)
    job.check()
    cancelled.set()
    with pytest.raises(JobCancelledError):
        job.check()


def test_temporary_files_are_unique_and_inside_the_work_folder(job: Job) -> None:
    paths = {job.temporary(".png") for _ in range(50)}
    assert len(paths) == 50
    assert {path.parent for path in paths} == {job.work_dir}
    assert job.work_dir.is_dir()


def test_folders_above_the_work_folder_are_not_made_anew(tmp_path: Path) -> None:
    job = Job("1", tmp_path / "unplugged" / "work", lambda _: None, threading.Event())
    with pytest.raises(FileNotFoundError):
        job.temporary(".png")
    assert list(tmp_path.iterdir()) == []


def test_the_remaining_time_follows_the_recent_pace(clock: Clock) -> None:
    pace = EtaEstimator(100, clock.monotonic)
    assert pace.seconds_left(0) is None
    estimates: list[float | None] = []
    for step in range(1, 51):
        clock.now += 2.0
        estimates.append(pace.seconds_left(step))
    assert estimates[:2] == [None, None]
    assert estimates[-1] == pytest.approx(100.0)
    for step in range(51, 76):
        clock.now += 4.0
        slower = pace.seconds_left(step)
    assert slower == pytest.approx(100.0, rel=0.01)
    assert pace.seconds_left(100) == 0.0
