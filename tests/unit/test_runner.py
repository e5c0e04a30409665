"""A job from the library through a fake engine and back, with failures on the way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from studio.engine.local import client, memory_kills
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
    NotResponding,
    ProblemError,
    Progress,
    Request,
    RowFailed,
    RunJob,
    Warned,
    problem,
)
from studio.settings import default_paths

MODEL = ModelRef(id="fake", name="Fake", task="text", format="transformers", path="/fake")


class Harness:
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
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    made = Harness(tmp_path / "home", monkeypatch)
    yield made
    made.engine.stop()
    made.library.close()


def test_every_row_is_on_disk_before_it_is_reported(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="hello", seed=4, count=3))
    on_disk: list[bool] = []
    status = harness.runner.run(
        job,
        lambda e: on_disk.append(e.asset.path.is_file()) if isinstance(e, AssetSaved) else None,
    )
    assert status == "done"
    assert on_disk == [True, True, True]
    assert [a.recipe.seed for a in harness.library.assets.of_job(job.id)] == [4, 5, 6]


def test_the_status_is_stored_before_the_end_is_reported(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="hello", seed=1))
    stored: list[str] = []

    def report(event: object) -> None:
        if isinstance(event, Done):
            found = harness.library.queue.get(job.id)
            assert found is not None
            stored.append(found.status)

    harness.runner.run(job, report)
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
    harness: Harness, word: str, kind: str
) -> None:
    bad = harness.enqueue(TextRequest(prompt=f"{word} please", seed=1, count=2))
    assert harness.run(bad) == "failed"
    found = harness.library.queue.get(bad.id)
    assert found is not None and found.problem is not None
    assert (found.status, found.problem.kind) == ("failed", kind)
    assert harness.run(harness.enqueue(TextRequest(prompt="hello", seed=1))) == "done"


def test_a_row_that_fails_leaves_the_others_and_a_retry_makes_only_it(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[rowfail]", seed=1, count=3))
    assert harness.run(job) == "failed"
    assert harness.saved() == [0, 2]
    assert [e.row for e in harness.events if isinstance(e, RowFailed)] == [1]
    assert harness.library.queue.missing_rows(job) == (1,)


def test_a_cancel_before_the_engine_knows_the_job_is_not_lost(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[slow]", seed=1))

    def report(event: object) -> None:
        if isinstance(event, JobChanged) and event.job.status == "running":
            harness.runner.cancel(job.id)
        harness.events.append(event)

    assert harness.runner.run(job, report) == "cancelled"
    assert any(isinstance(e, Cancelled) for e in harness.events)


def test_a_running_job_that_is_cancelled_is_cancelled_in_the_library(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[slow]", seed=1))

    def report(event: object) -> None:
        if isinstance(event, Progress):
            threading.Thread(target=harness.runner.cancel, args=(job.id,)).start()

    assert harness.runner.run(job, report) == "cancelled"
    found = harness.library.queue.get(job.id)
    assert found is not None and found.status == "cancelled"


def test_a_job_whose_engine_is_stopped_is_interrupted(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[slow]", seed=1))

    def report(event: object) -> None:
        if isinstance(event, Accepted):
            threading.Thread(target=harness.engine.stop).start()

    assert harness.runner.run(job, report) == "interrupted"
    harness.library.close()
    harness.library = Library.open(harness.paths.library)
    assert [j.id for j in harness.library.queue.interrupted()] == [job.id]


def test_a_result_that_cannot_be_saved_fails_only_its_job(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = harness.enqueue(TextRequest(prompt="hello", seed=1, count=2))
    keep = Library.record_asset

    def full(*_: object) -> object:
        raise problem("disk_full", "The disk is full. Make room and try again.")

    monkeypatch.setattr(store.Library, "record_asset", full)
    assert harness.run(job) == "failed"
    failure = next(e for e in harness.events if isinstance(e, Failed))
    assert failure.problem.kind == "disk_full"
    monkeypatch.setattr(store.Library, "record_asset", keep)
    assert harness.run(harness.enqueue(TextRequest(prompt="hello", seed=1))) == "done"


def test_a_missing_model_fails_the_job_with_a_sentence(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> ModelRef:
        raise ProblemError(problem("model_missing", "The model is gone. Add it again.").problem)

    monkeypatch.setattr(harness.registry, "resolve", gone)
    assert harness.run(harness.enqueue(TextRequest(prompt="hello", seed=1))) == "failed"
    assert [str(e.problem.message) for e in harness.events if isinstance(e, Failed)] == [
        "The model is gone. Add it again."
    ]


def test_every_model_of_a_request_is_passed_to_the_engine(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(need: ModelNeed) -> ModelRef:
        return msgspec.structs.replace(MODEL, id=need.name, role=need.roles[0])

    given: list[RunJob] = []

    def run(command: RunJob, _: object) -> Done:
        given.append(command)
        return Done(command.job)

    monkeypatch.setattr(harness.registry, "resolve", resolve)
    monkeypatch.setattr(harness.engine, "run", run)
    request = ImageRequest(prompt="x", seed=1, model="base", adapters=(Adapter("ink", 0.5),))
    job = harness.enqueue(request)
    harness.run(job)
    (command,) = given
    assert command.model.id == "base"
    assert [(model.id, model.role) for model in command.extra_models] == [("ink", "lora")]
    found = harness.library.queue.get(job.id)
    assert found is not None and found.request == request


def test_a_job_with_nothing_missing_is_done_without_the_engine(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="hello", seed=1))
    harness.run(job)
    resumed = harness.library.retries.resume(job.id)
    harness.events.clear()
    assert harness.run(resumed) == "done"
    assert harness.saved() == []


def test_a_crash_after_the_last_result_does_not_fail_the_job(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[crash]", seed=1, count=1))
    assert harness.run(job) == "done"
    assert harness.saved() == [0]


def test_a_late_cancel_does_not_affect_the_next_run(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[rowfail]", seed=1, count=2))
    harness.run(job)
    harness.runner.cancel(job.id)
    assert harness.run(harness.library.retries.resume(job.id)) == "done"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")
def test_a_job_whose_engine_is_restarted_continues_with_its_missing_results(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.5)
    job = harness.enqueue(TextRequest(prompt="[stop]", seed=1, count=3))
    pids: list[int | None] = []

    def report(event: object) -> None:
        harness.events.append(event)
        if isinstance(event, AssetSaved):
            pids.append(harness.engine.pid)
        if isinstance(event, NotResponding):
            harness.engine.restart()

    assert harness.runner.run(job, report) == "done"
    assert harness.saved() == [0, 1, 2]
    assert len(set(pids)) == 3
    assert not [e for e in harness.events if isinstance(e, Failed)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")
def test_jobs_that_share_calls_all_end_when_their_engine_is_restarted(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.5)
    prompts = ("one", "[stop] two", "three")
    jobs = harness.library.queue.enqueue(
        [TextRequest(prompt=p, seed=1) for p in prompts], batch="b"
    )

    def report(event: object) -> None:
        harness.events.append(event)
        if isinstance(event, NotResponding):
            harness.engine.restart()

    assert harness.runner.run_together(jobs, report) == ["done"] * 3
    assert [e.job for e in harness.events if isinstance(e, AssetSaved)] == [j.id for j in jobs]


@pytest.fixture
def memory_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every SIGKILL for one by the system, as where it does not count them."""
    monkeypatch.setattr(memory_kills, "_COUNTERS", tmp_path / "none")


@pytest.mark.usefixtures("memory_is_short")
def test_a_job_that_the_system_killed_is_tried_once_more_with_less_memory(
    harness: Harness,
) -> None:
    job = harness.enqueue(TextRequest(prompt="[killed]", seed=1, count=3))
    assert harness.run(job) == "done"
    assert harness.saved() == [0, 1, 2]
    (warning,) = [event for event in harness.events if isinstance(event, Warned)]
    assert warning.kind == "memory" and "once more" in str(warning.message)


@pytest.mark.usefixtures("memory_is_short")
def test_a_job_that_is_killed_twice_fails_with_the_reason(harness: Harness) -> None:
    job = harness.enqueue(TextRequest(prompt="[crash]", seed=1, count=3))
    assert harness.run(job) == "failed"
    assert harness.saved() == [0]
    found = harness.library.queue.get(job.id)
    assert found is not None and found.problem is not None
    assert "probably because it ran out of memory" in str(found.problem.message)


@pytest.mark.usefixtures("memory_is_short")
def test_jobs_of_a_group_that_was_killed_are_tried_once_more_alone(harness: Harness) -> None:
    jobs = [
        harness.enqueue(TextRequest(prompt=prompt, seed=1)) for prompt in ("[killed] a", "b", "c")
    ]
    assert harness.runner.run_together(jobs, harness.events.append) == ["done"] * 3
