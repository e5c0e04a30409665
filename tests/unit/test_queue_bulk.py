"""Actions on many jobs at once, and the order of queued jobs."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from studio.jobs.batch import latest_jobs
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.index import database
from studio.library.queue import stored_job
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import InputFile, ProblemError
from tests.unit.conftest import enqueue, png_bytes, record


def turns(library: Library) -> list[str]:
    return [job.id for job in library.queue.list("queued")]


def failed(library: Library, job: Job) -> Job:
    library.queue.start(job)
    return library.queue.finish(job.id, "failed")


def test_queued_jobs_are_cancelled_and_restored_in_the_same_order(library: Library) -> None:
    running, first, second, third = (enqueue(library) for _ in range(4))
    library.queue.start(running)
    library.queue.move(third.id, before=first.id)
    cancelled = library.queue.cancel_waiting()
    assert library.queue.counts() == {"running": 1, "cancelled": 3}
    assert library.queue.restore_cancelled(cancelled) == 3
    assert turns(library) == cancelled == [third.id, first.id, second.id]


def test_only_the_queued_ones_of_the_given_jobs_are_cancelled(library: Library) -> None:
    ended, chosen, other = (enqueue(library) for _ in range(3))
    failed(library, ended)
    assert library.queue.cancel_waiting([ended.id, chosen.id]) == [chosen.id]
    assert turns(library) == [other.id]


def test_ten_thousand_waiting_jobs_are_cancelled_moved_retried_and_cleared(
    library: Library,
) -> None:
    jobs = library.queue.enqueue([TextRequest(prompt=f"n {n}", seed=n) for n in range(10_000)])
    library.queue.move([job.id for job in jobs[9000:9003]], before=jobs[0].id)
    assert turns(library)[:4] == [job.id for job in [*jobs[9000:9003], jobs[0]]]
    assert len(library.queue.cancel_waiting()) == 10_000
    assert library.queue.clear_ended() == 10_000
    assert library.queue.counts() == {}


def test_several_jobs_move_together_in_the_order_given(library: Library) -> None:
    a, b, c, d = (enqueue(library).id for _ in range(4))
    library.queue.move([d, b], before=a)
    assert turns(library) == [d, b, a, c]
    library.queue.move([d, a])
    assert turns(library) == [b, c, d, a]
    library.queue.move([b, c], before=c)
    assert turns(library) == [b, c, d, a]


def test_a_moved_job_takes_the_priority_of_its_new_position(library: Library) -> None:
    (urgent,) = library.queue.enqueue([TextRequest(prompt="now", seed=1)], priority=5)
    first, second = enqueue(library).id, enqueue(library).id
    library.queue.move(second, before=urgent.id)
    assert turns(library) == [second, urgent.id, first]
    library.queue.move(urgent.id)
    assert turns(library) == [second, first, urgent.id]


def test_a_job_that_has_started_is_not_moved(library: Library) -> None:
    first, second, third = (enqueue(library) for _ in range(3))
    library.queue.start(first)
    library.queue.move([first.id, third.id], before=second.id)
    assert turns(library) == [third.id, second.id]
    library.queue.move(second.id, before=first.id)
    assert turns(library) == [second.id, third.id]


def test_every_failed_job_is_retried_once(library: Library, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png_bytes())
    (gone,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(tmp_path / "in.png")))])
    jobs = [failed(library, enqueue(library)) for _ in range(2)]
    failed(library, gone)
    (tmp_path / "in.png").unlink()
    again, refused = library.retries.retry_failed()
    assert [(job.retried_from, job.request) for job in again] == [(j.id, j.request) for j in jobs]
    assert len(refused) == 1 and "in.png" in str(refused[0].message)
    assert library.retries.retry_failed()[0] == []


def test_a_duplicate_keeps_the_seed_and_refers_to_no_other_job(library: Library) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="x")], labels={"row": "7"}, batch="night")
    twin = library.retries.duplicate(job.id)
    assert (twin.request, twin.labels) == (job.request, job.labels)
    assert twin.retried_from == ""
    assert turns(library) == [job.id, twin.id]


def test_resuming_a_batch_makes_no_finished_row_again_after_a_copy_or_retry_was_cancelled(
    library: Library,
) -> None:
    requests = [TextRequest(prompt="x", seed=seed) for seed in range(3)]
    labels = [{"line": str(line)} for line in range(2, 5)]
    copied, again, failing = library.queue.enqueue(requests, labels=labels, batch="night")
    for job in (copied, again):
        library.queue.start(job)
        record(library, job)
        library.queue.finish(job.id, "done")
    failed(library, failing)
    library.retries.duplicate(library.retries.duplicate(copied.id).id)
    library.retries.retry(again.id)
    second_try = library.retries.retry(failing.id)
    library.queue.cancel_waiting()
    assert [job.id for job in latest_jobs(library, "night")] == [copied.id, again.id, second_try.id]
    # Another run of the whole table is resumed for itself.
    rerun = library.queue.enqueue(requests, labels=labels, batch="night")
    assert [job.id for job in latest_jobs(library, "night")] == [job.id for job in rerun]


def test_interrupted_jobs_resume_their_missing_rows(library: Library) -> None:
    half, whole = enqueue(library, count=2), enqueue(library)
    for job in (half, whole):
        library.queue.start(job)
    record(library, half)
    for job in (half, whole):
        library.queue.finish(job.id, "interrupted")
    assert library.retries.resume_interrupted() == 2
    assert turns(library) == [half.id, whole.id]
    assert library.queue.missing_rows(half) == (1,)


def test_clearing_leaves_queued_running_and_interrupted_jobs(library: Library) -> None:
    waiting, running, cut, done = (enqueue(library) for _ in range(4))
    for job in (running, cut, done):
        library.queue.start(job)
    asset = record(library, done)
    library.queue.finish(done.id, "done")
    library.queue.finish(cut.id, "interrupted")
    assert library.queue.clear_ended() == 1
    assert {job.id for job in library.queue.list()} == {waiting.id, running.id, cut.id}
    assert library.assets.get(asset.id) is not None


def test_the_ids_of_jobs_made_at_once_are_ordered_and_never_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_790_000_000_000_000_000)
    ids = [stored_job.new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert {len(id) for id in ids} == {16}


def test_a_result_that_a_locked_index_could_not_take_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with contextlib.closing(Library.open(tmp_path / "library")) as library:
        job = enqueue(library)
        library.queue.start(job)
        with contextlib.closing(sqlite3.connect(tmp_path / "library" / "library.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ProblemError, match="in use by another program") as raised:
                record(library, job)
        library.queue.finish(job.id, "failed", raised.value.problem)
    with contextlib.closing(Library.open(tmp_path / "library")) as library:
        library.retries.resume(job.id)
        assert library.queue.missing_rows(job) == ()
        assert library.assets.of_row(job.id, 0) is not None
