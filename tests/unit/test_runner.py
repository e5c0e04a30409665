"""A job from the library through a fake engine and back, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from studio.engine.local.client import EngineClient
from studio.jobs.runner import AssetSaved, JobChanged, Runner
from studio.kinds.image import ImageRequest
from studio.kinds.kind import ModelNeed
from studio.kinds.text import TextRequest
from studio.library import store
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    Accepted,
    Adapter,
    Cancelled,
    Done,
    Failed,
    ModelRef,
    ProblemError,
    Progress,
    Request,
    RowFailed,
    RunJob,
    problem,
)
from studio.settings import default_paths

MODEL = ModelRef(id="fake", name="Fake", task="text", format="transformers", path="/fake")


class House:
    """A library, a fake engine and a runner in a temporary folder."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STUDIO_HOME", str(home))
        monkeypatch.setenv("STUDIO_STARTER", str(home / "none"))
        self.paths = default_paths()
        self.library = Library.open(self.paths.library)
        self.engine = EngineClient(log_dir=self.paths.logs, fake="plain")
        registry = Registry(self.paths)
        monkeypatch.setattr(registry, "resolve", lambda *_: MODEL)
        self.registry = registry
        self.runner = Runner(self.library, self.engine, registry)
        self.events: list[object] = []

    def enqueue(self, request: Request) -> Job:
        return self.library.queue.enqueue([request])[0]

    def run(self, job: Job) -> str:
        return self.runner.run(job, self.events.append)

    def saved(self) -> list[int]:
        return sorted(e.row for e in self.events if isinstance(e, AssetSaved))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    made = House(tmp_path / "home", monkeypatch)
    yield made
    made.engine.stop()
    made.library.close()


def test_every_row_is_on_disk_before_it_is_reported(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="hello", seed=4, count=3))
    on_disk: list[bool] = []
    status = house.runner.run(
        job,
        lambda e: on_disk.append(e.asset.path.is_file()) if isinstance(e, AssetSaved) else None,
    )
    assert status == "done"
    assert on_disk == [True, True, True]
    assert [a.recipe.seed for a in house.library.assets.of_job(job.id)] == [4, 5, 6]


def test_the_status_is_stored_before_the_end_is_reported(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="hello", seed=1))
    stored: list[str] = []

    def report(event: object) -> None:
        if isinstance(event, Done):
            found = house.library.queue.get(job.id)
            assert found is not None
            stored.append(found.status)

    house.runner.run(job, report)
    assert stored == ["done"]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("[fail]", "model_broken"),
        ("[bug]", "bug"),
        ("[oom]", "out_of_memory"),
        ("[crash]", "engine_crashed"),
        ("[diskfull]", "disk_full"),
    ],
)
def test_a_failing_job_has_a_reason_and_the_next_one_runs(
    house: House, word: str, kind: str
) -> None:
    bad = house.enqueue(TextRequest(prompt=f"{word} please", seed=1, count=2))
    assert house.run(bad) == "failed"
    found = house.library.queue.get(bad.id)
    assert found is not None and found.problem is not None
    assert (found.status, found.problem.kind) == ("failed", kind)
    assert house.run(house.enqueue(TextRequest(prompt="hello", seed=1))) == "done"


def test_a_row_that_fails_leaves_the_others_and_a_retry_makes_only_it(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="[rowfail]", seed=1, count=3))
    assert house.run(job) == "failed"
    assert house.saved() == [0, 2]
    assert [e.row for e in house.events if isinstance(e, RowFailed)] == [1]
    assert house.library.queue.missing_rows(job) == (1,)


def test_a_cancel_before_the_engine_knows_the_job_is_not_lost(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="[slow]", seed=1))

    def report(event: object) -> None:
        if isinstance(event, JobChanged) and event.job.status == "running":
            house.runner.cancel(job.id)
        house.events.append(event)

    assert house.runner.run(job, report) == "cancelled"
    assert any(isinstance(e, Cancelled) for e in house.events)


def test_a_running_job_that_is_cancelled_is_cancelled_in_the_library(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="[slow]", seed=1))

    def report(event: object) -> None:
        if isinstance(event, Progress):
            threading.Thread(target=house.runner.cancel, args=(job.id,)).start()

    assert house.runner.run(job, report) == "cancelled"
    found = house.library.queue.get(job.id)
    assert found is not None and found.status == "cancelled"


def test_a_job_whose_engine_is_stopped_is_interrupted(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="[slow]", seed=1))

    def report(event: object) -> None:
        if isinstance(event, Accepted):
            threading.Thread(target=house.engine.stop).start()

    assert house.runner.run(job, report) == "interrupted"
    house.library.close()
    house.library = Library.open(house.paths.library)
    assert [j.id for j in house.library.queue.interrupted()] == [job.id]


def test_a_result_that_cannot_be_saved_fails_only_its_job(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = house.enqueue(TextRequest(prompt="hello", seed=1, count=2))
    keep = Library.record_asset

    def full(*_: object) -> object:
        raise problem("disk_full", "The disk is full. Make room and try again.")

    monkeypatch.setattr(store.Library, "record_asset", full)
    assert house.run(job) == "failed"
    failure = next(e for e in house.events if isinstance(e, Failed))
    assert failure.problem.kind == "disk_full"
    monkeypatch.setattr(store.Library, "record_asset", keep)
    assert house.run(house.enqueue(TextRequest(prompt="hello", seed=1))) == "done"


def test_a_missing_model_fails_the_job_with_a_sentence(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> ModelRef:
        raise ProblemError(problem("model_missing", "The model is gone. Add it again.").problem)

    monkeypatch.setattr(house.registry, "resolve", gone)
    assert house.run(house.enqueue(TextRequest(prompt="hello", seed=1))) == "failed"
    assert [str(e.problem.message) for e in house.events if isinstance(e, Failed)] == [
        "The model is gone. Add it again."
    ]


def test_every_model_of_a_request_is_passed_to_the_engine(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(need: ModelNeed) -> ModelRef:
        return msgspec.structs.replace(MODEL, id=need.name, role=need.role)

    given: list[RunJob] = []

    def run(command: RunJob, _: object) -> Done:
        given.append(command)
        return Done(command.job)

    monkeypatch.setattr(house.registry, "resolve", resolve)
    monkeypatch.setattr(house.engine, "run", run)
    request = ImageRequest(prompt="x", seed=1, model="base", adapters=(Adapter("ink", 0.5),))
    job = house.enqueue(request)
    house.run(job)
    (command,) = given
    assert command.model.id == "base"
    assert [(model.id, model.role) for model in command.extra_models] == [("ink", "lora")]
    found = house.library.queue.get(job.id)
    assert found is not None and found.request == request


def test_a_job_with_nothing_missing_is_done_without_the_engine(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="hello", seed=1))
    house.run(job)
    resumed = house.library.retries.resume(job.id)
    house.events.clear()
    assert house.run(resumed) == "done"
    assert house.saved() == []


def test_a_crash_after_the_last_result_does_not_fail_the_job(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="[crash]", seed=1, count=1))
    assert house.run(job) == "done"
    assert house.saved() == [0]


def test_a_late_cancel_does_not_affect_the_next_run(house: House) -> None:
    job = house.enqueue(TextRequest(prompt="[rowfail]", seed=1, count=2))
    house.run(job)
    house.runner.cancel(job.id)
    assert house.run(house.library.retries.resume(job.id)) == "done"
