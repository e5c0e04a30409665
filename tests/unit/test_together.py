"""Jobs of a batch that run together: which are companions, and each ends on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.engine.local.client import EngineClient
from studio.jobs.batch import RemainingJobs
from studio.jobs.runner import AssetSaved, JobChanged
from studio.kinds.image import ImageRequest
from studio.kinds.requests import prompt_of
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.queue.job_queue import MAX_OVERTAKEN
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import (
    Cancelled,
    Done,
    Event,
    Failed,
    InputFile,
    ModelRef,
    Progress,
    Request,
    RunJob,
    RunTogether,
)
from tests.unit.test_runner import Harness, harness

__all__ = ["harness"]

MODEL = ModelRef(id="fake", name="Fake", task="text", format="transformers", path="/fake")


def batch(harness: Harness, *prompts: str) -> list[Job]:
    requests = [TextRequest(prompt=prompt, seed=n) for n, prompt in enumerate(prompts)]
    return harness.library.queue.enqueue(requests, batch="b")


def status(harness: Harness, job: Job) -> str:
    found = harness.library.queue.get(job.id)
    assert found is not None
    return found.status


# ---- companions


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def prompts(jobs: list[Job]) -> list[str]:
    return [prompt_of(job.request) for job in jobs]


def test_companions_have_the_same_batch_model_and_settings(library: Library) -> None:
    hot = TextRequest(prompt="hot", temperature=1.5)
    wanted: list[Request] = [
        TextRequest(prompt="first", count=3),
        TextRequest(prompt="long", system_prompt="Be brief.", seed=7, count=2),
        hot,
        TextRequest(prompt="other", model="m"),
        ImageRequest(prompt="picture"),
        TextRequest(prompt="last"),
    ]
    first, *_ = library.queue.enqueue(wanted, batch="b")
    library.queue.enqueue([TextRequest(prompt="another batch")], batch="c")
    assert prompts(list(library.queue.companions(first, 32))) == ["long", "last"]
    assert prompts(list(library.queue.companions(first, 5))) == ["long"]
    assert library.queue.companions(first, 3) == []


def test_jobs_submitted_one_by_one_have_no_companions(library: Library) -> None:
    first, _ = library.queue.enqueue([TextRequest(prompt="a"), TextRequest(prompt="b")])
    assert library.queue.companions(first, 32) == []


def test_jobs_with_a_start_picture_and_upscaling_jobs_have_no_companions(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "p.png").write_bytes(b"x")
    start = InputFile(str(tmp_path / "p.png"))
    for request in (ImageRequest(prompt="a", image=start), UpscaleRequest(input=start)):
        first, _ = library.queue.enqueue([request, request], batch="b")
        assert library.queue.companions(first, 32) == []


def test_no_job_is_overtaken_more_often_than_allowed(library: Library) -> None:
    hot = TextRequest(prompt="hot", temperature=1.5)
    texts = [TextRequest(prompt=str(n)) for n in range(10)]
    first, *_ = library.queue.enqueue([texts[0], hot, *texts[1:]], batch="b")
    along = library.queue.companions(first, 32)
    assert prompts(list(along)) == ["1", "2", "3", "4"][:MAX_OVERTAKEN]
    for job in (first, *along):
        library.queue.start(job)
    turn = library.next_job()
    assert turn is not None and prompts([turn]) == ["hot"]


def test_a_paused_queue_gives_no_companions(library: Library) -> None:
    first, _ = library.queue.enqueue([TextRequest(prompt="a"), TextRequest(prompt="b")], batch="b")
    library.queue.set_paused(True)
    assert library.queue.companions(first, 32) == []


def test_a_table_gives_each_job_once_grouped_by_settings(library: Library) -> None:
    kinds = [
        TextRequest(prompt="a", seed=1),
        ImageRequest(prompt="b", seed=1),
        TextRequest(prompt="c", seed=1),
        ImageRequest(prompt="d", seed=1),
        TextRequest(prompt="e", seed=1, count=2),
    ]
    left = RemainingJobs(library, library.queue.enqueue(kinds, batch="b", claim=True))
    given = [prompts([job, *left.companions(job, 3)]) for job in left]
    assert given == [["a", "c"], ["b", "d"], ["e"]]


# ---- running together


def test_each_job_gets_the_same_result_as_alone(harness: Harness) -> None:
    jobs = batch(harness, "one", "two", "three")
    assert harness.runner.run_together(jobs, harness.events.append) == ["done"] * 3
    for job in jobs:
        assert [asset.recipe.seed for asset in harness.library.assets.of_job(job.id)] == [
            job.request.seed
        ]
        [asset] = harness.library.assets.of_job(job.id)
        again = harness.enqueue(job.request)
        harness.run(again)
        assert harness.library.assets.of_job(again.id)[0].text == asset.text
        mine = [e for e in harness.events if isinstance(e, JobChanged) and e.job.id == job.id]
        assert [changed.job.status for changed in mine] == ["running", "done"]


@pytest.mark.parametrize("word", ["[fail]", "[bug]", "[oom]", "[rowfail]"])
def test_one_failing_job_leaves_the_others(harness: Harness, word: str) -> None:
    bad = harness.library.queue.enqueue([TextRequest(prompt=word, seed=1, count=2)], batch="b")
    jobs = [*batch(harness, "one"), *bad, *batch(harness, "three")]
    assert harness.runner.run_together(jobs, harness.events.append) == ["done", "failed", "done"]
    assert [e.job for e in harness.events if isinstance(e, Failed)] == [bad[0].id]


def test_a_crash_fails_only_the_job_that_crashed(harness: Harness) -> None:
    bad = harness.library.queue.enqueue([TextRequest(prompt="[crash]", seed=1, count=3)], batch="b")
    jobs = [*batch(harness, "one"), *bad, *batch(harness, "three")]
    assert harness.runner.run_together(jobs, harness.events.append) == ["done", "failed", "done"]
    assert [len(harness.library.assets.of_job(job.id)) for job in jobs] == [1, 2, 1]


def test_cancelling_one_leaves_the_others(harness: Harness) -> None:
    jobs = batch(harness, "one [slow]", "two", "three")

    def report(event: object) -> None:
        harness.events.append(event)
        if isinstance(event, Progress) and event.job == jobs[1].id:
            harness.runner.cancel(jobs[1].id)
        if isinstance(event, Cancelled) and event.job == jobs[1].id:
            assert status(harness, jobs[1]) == "cancelled"
            harness.runner.cancel(jobs[0].id)
            harness.runner.cancel(jobs[2].id)

    assert harness.runner.run_together(jobs, report) == ["cancelled"] * 3
    assert next(e.job for e in harness.events if isinstance(e, Cancelled)) == jobs[1].id


def test_a_job_that_ignores_cancel_is_killed_and_the_others_run_again(harness: Harness) -> None:
    jobs = batch(harness, "one", "two [hang]", "three")

    def report(event: object) -> None:
        harness.events.append(event)
        if isinstance(event, Progress) and event.job == jobs[1].id:
            harness.runner.cancel(jobs[1].id)

    assert harness.runner.run_together(jobs, report) == ["done", "cancelled", "done"]


def test_closing_interrupts_all_of_them(harness: Harness) -> None:
    jobs = batch(harness, "one [slow]", "two", "three")

    def report(event: object) -> None:
        if isinstance(event, Progress):
            harness.engine.stop()

    assert harness.runner.run_together(jobs, report) == ["interrupted"] * 3
    harness.library.close()
    harness.library = Library.open(harness.paths.library)
    assert {job.id for job in harness.library.queue.interrupted()} == {job.id for job in jobs}


def test_only_missing_rows_are_generated_after_a_resume(harness: Harness) -> None:
    wanted = [TextRequest(prompt=p, seed=4, count=2) for p in ("[rowfail] one", "two")]
    jobs = harness.library.queue.enqueue(wanted, batch="b")
    harness.runner.run_together(jobs, harness.events.append)
    harness.events.clear()
    resumed = harness.library.retries.resume(jobs[0].id)
    other = batch(harness, "three")
    assert harness.runner.run_together([resumed, *other], harness.events.append) == ["done"] * 2
    saved = [(e.job, e.row) for e in harness.events if isinstance(e, AssetSaved)]
    assert sorted(saved) == sorted([(jobs[0].id, 1), (other[0].id, 0)])


def test_jobs_that_do_not_gain_from_batching_stay_in_the_queue(harness: Harness) -> None:
    jobs = batch(harness, "one [gainless]", "two")
    assert harness.runner.rows_together(jobs[0]) > 1
    assert harness.runner.run_together(jobs, harness.events.append) == ["done"] * 2
    assert harness.runner.rows_together(jobs[0]) == 0
    assert harness.runner.rows_together(harness.enqueue(TextRequest(prompt="x", top_k=1))) > 1


# ---- the engine's client


def test_every_part_ends_before_the_whole(tmp_path: Path) -> None:
    engine = EngineClient(log_dir=tmp_path / "logs", fake="plain")
    parts = tuple(
        RunJob(
            job=name,
            request=TextRequest(prompt=name, seed=1),
            rows=(0,),
            model=MODEL,
            work_dir=str(tmp_path / name),
        )
        for name in ("one", "two")
    )
    for group, last in (("all", Done), ("broken", Failed)):
        events: list[Event] = []
        if last is Failed:
            request = TextRequest(prompt="[exit]")
            parts = (*parts, RunJob(job="x", request=request, rows=(0,), model=MODEL,
                                    work_dir=str(tmp_path / "x")))  # fmt: skip
        final = engine.run(RunTogether(job=group, parts=parts), events.append)
        ends = [e for e in events if isinstance(e, Done | Failed | Cancelled)]
        assert isinstance(final, last) and ends[-1] == final
        assert [type(e) for e in ends] == [last] * (len(parts) + 1)
        assert {e.job for e in ends} == {part.job for part in parts} | {group}
    engine.stop()
