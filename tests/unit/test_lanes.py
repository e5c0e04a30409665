"""Two engines side by side: which job runs where, and that the lanes are independent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.engine.api import Abilities
from studio.engine.local.client import EngineClient
from studio.jobs.lanes import JobList, Lanes, LibraryQueue
from studio.jobs.runner import Runner
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Cancelled, Done, Failed, ModelRef, Progress, Request
from studio.settings import default_paths

MODEL = ModelRef(id="fake", name="Fake", task="text", format="transformers", path="/fake")


class FakeEngine(EngineClient):
    """A fake engine that runs only some kinds."""

    def __init__(self, log_dir: Path, *tasks: str) -> None:
        super().__init__(log_dir=log_dir, fake="plain")
        self._tasks = tasks

    @property
    def abilities(self) -> Abilities:
        every = super().abilities
        return Abilities(frozenset(self._tasks) or every.tasks, every.formats)


class Harness:
    """A library, two fake engines and their lanes in a temporary folder."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STUDIO_HOME", str(home))
        monkeypatch.setenv("STUDIO_STARTER", str(home / "none"))
        paths = default_paths()
        self.library = Library.open(paths.library)
        self.engines = [FakeEngine(paths.logs), FakeEngine(paths.logs)]
        self.registry = Registry(paths)
        monkeypatch.setattr(self.registry, "resolve", lambda *_: MODEL)
        self.events: list[object] = []
        self.lanes = self.lanes_of(*self.engines)

    def lanes_of(self, *engines: EngineClient) -> Lanes:
        return Lanes(self.library, engines, self.registry, LibraryQueue(self.library))

    def enqueue(self, *requests: Request, batch: str = "") -> list[Job]:
        return self.library.queue.enqueue(requests, batch=batch)

    def status(self, job: Job) -> str:
        found = self.library.queue.get(job.id)
        assert found is not None
        return found.status


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    made = Harness(tmp_path / "home", monkeypatch)
    yield made
    made.lanes.stop()
    made.library.close()


def slow(seed: int = 1) -> TextRequest:
    return TextRequest(prompt="[slow]", seed=seed)


def test_two_jobs_run_side_by_side_and_the_library_records_both(harness: Harness) -> None:
    first, second = harness.enqueue(slow(1), slow(2))
    begun: set[str] = set()

    def report(event: object) -> None:
        harness.events.append(event)
        if isinstance(event, Progress) and event.job not in begun:
            begun.add(event.job)
            if len(begun) == 2:
                assert set(harness.lanes.running) == {first.id, second.id}
                harness.lanes.cancel(first.id)
                harness.lanes.cancel(second.id)

    harness.lanes.run_all(report)
    ends = [e for e in harness.events if isinstance(e, Done | Failed | Cancelled)]
    assert begun == {first.id, second.id}
    assert [type(event) for event in ends] == [Cancelled] * 2, "one ended before the other began"
    assert {harness.status(job) for job in (first, second)} == {"cancelled"}
    assert len({engine.pid for engine in harness.engines}) == 2


def test_every_result_of_both_lanes_is_kept(harness: Harness) -> None:
    jobs = harness.enqueue(*(TextRequest(prompt=f"job {n}", seed=n, count=2) for n in range(8)))
    harness.lanes.run_all(harness.events.append)
    assert [harness.status(job) for job in jobs] == ["done"] * 8
    for job in jobs:
        made = [asset.recipe.seed for asset in harness.library.assets.of_job(job.id)]
        assert sorted(made) == [job.request.seed, (job.request.seed or 0) + 1]


def test_cancelling_one_leaves_the_other_lane_running(harness: Harness) -> None:
    first, second = harness.enqueue(slow(1), slow(2))
    begun: set[str] = set()

    def report(event: object) -> None:
        if isinstance(event, Progress) and event.job not in begun:
            begun.add(event.job)
            if len(begun) == 2:
                harness.lanes.cancel(first.id)
        if isinstance(event, Cancelled) and event.job == first.id:
            harness.events.append(second.id in harness.lanes.running)
            harness.events.append(harness.status(second))
            harness.lanes.cancel(second.id)

    harness.lanes.run_all(report)
    assert harness.events == [True, "running"]


def test_a_crash_of_one_engine_leaves_the_other_lane_running(harness: Harness) -> None:
    crash = TextRequest(prompt="[crash]", seed=1, count=2)
    long, crashing, after = harness.enqueue(slow(), crash, TextRequest(prompt="after", seed=1))

    def report(event: object) -> None:
        harness.events.append(event)
        if isinstance(event, Done) and event.job == after.id:
            # The lane of the crash has run the next job, and the other one was not interrupted.
            assert long.id in harness.lanes.running and harness.status(long) == "running"
            harness.lanes.cancel(long.id)

    harness.lanes.run_all(report)
    statuses = [harness.status(job) for job in (long, crashing, after)]
    assert statuses == ["cancelled", "failed", "done"]
    failed = [event.job for event in harness.events if isinstance(event, Failed)]
    assert failed == [crashing.id]


def run_until_two_progress(harness: Harness, act: Callable[[], object]) -> None:
    """Run all jobs, and call `act` from another thread as soon as two of them make progress."""
    begun: set[str] = set()

    def report(event: object) -> None:
        if isinstance(event, Progress) and event.job not in begun:
            begun.add(event.job)
            if len(begun) == 2:
                threading.Thread(target=act).start()

    harness.lanes.run_all(report)


def test_stopping_reaches_every_lane(harness: Harness) -> None:
    jobs = harness.enqueue(slow(1), slow(2), slow(3))
    run_until_two_progress(harness, harness.lanes.stop)
    harness.library.close()
    harness.library = Library.open(default_paths().library)
    assert {job.id for job in harness.library.queue.interrupted()} == {job.id for job in jobs[:2]}
    assert harness.status(jobs[2]) == "queued"


def test_cancelling_all_takes_no_other_job(harness: Harness) -> None:
    jobs = harness.enqueue(slow(1), slow(2), slow(3))
    run_until_two_progress(harness, harness.lanes.cancel_all)
    assert [harness.status(job) for job in jobs] == ["cancelled", "cancelled", "queued"]


# ---- which job goes where


def taken(lanes: Lanes, number: int) -> list[str]:
    return [getattr(job.request, "prompt", "") for job in lanes.take(lanes.lanes[number])]


def test_each_job_runs_on_an_engine_that_can_run_it(harness: Harness) -> None:
    logs = default_paths().logs
    lanes = harness.lanes_of(FakeEngine(logs, "image"), FakeEngine(logs, "text"))
    harness.enqueue(TextRequest(prompt="a text"), ImageRequest(prompt="a picture"))
    assert taken(lanes, 0) == ["a picture"]
    assert taken(lanes, 1) == ["a text"]


def test_a_job_that_no_engine_can_run_is_given_to_the_first(harness: Harness) -> None:
    logs = default_paths().logs
    lanes = harness.lanes_of(FakeEngine(logs, "text"), FakeEngine(logs, "text"))
    harness.enqueue(ImageRequest(prompt="a picture"))
    assert taken(lanes, 1) == []
    assert taken(lanes, 0) == ["a picture"]


def test_no_job_is_taken_twice(harness: Harness) -> None:
    harness.enqueue(TextRequest(prompt="one"), TextRequest(prompt="two"))
    assert taken(harness.lanes, 0) == ["one"]
    assert taken(harness.lanes, 1) == ["two"]
    assert taken(harness.lanes, 1) == []


def test_a_batch_that_shares_calls_stays_on_one_engine(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "rows_together", lambda *_: 2)
    harness.enqueue(*(TextRequest(prompt=str(number)) for number in range(4)), batch="b")
    harness.enqueue(TextRequest(prompt="another"))
    assert taken(harness.lanes, 0) == ["0", "1"]
    assert taken(harness.lanes, 1) == ["another"]
    for job in harness.library.queue.list("queued"):
        if job.id in harness.lanes.running:
            harness.library.queue.start(job)
    harness.lanes.lanes[0].running = ()
    harness.lanes.lanes[1].running = ()
    assert taken(harness.lanes, 1) == []
    assert taken(harness.lanes, 0) == ["2", "3"]


def test_a_list_gives_each_job_once_and_skips_unsuitable_ones(harness: Harness) -> None:
    source = JobList(harness.enqueue(TextRequest(prompt="a"), ImageRequest(prompt="b")))
    picture = source.next(lambda job: job.request.task == "image")
    assert picture is not None and picture.request.task == "image"
    text = source.next(lambda _: True)
    assert text is not None and text.request.task == "text"
    assert source.next(lambda _: True) is None
