"""Requests are stored before they run, and run in the order of the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.store import Library
from studio.protocol import InputFile, ProblemError
from tests.unit.conftest import enqueue, record


def ids(library: Library) -> list[str]:
    return [job.id for job in library.queue.list("queued")]


def test_a_random_seed_is_resolved_before_the_request_is_stored(library: Library) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="x")])
    stored = library.queue.get(job.id)
    assert stored is not None and stored.request.seed is not None
    assert stored.request == job.request


def test_input_files_are_hashed_when_the_request_is_stored(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "in.png").write_bytes(b"pixels")
    (job,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(tmp_path / "in.png")))])
    assert isinstance(job.request, UpscaleRequest)
    assert len(job.request.input.sha256) == 64


def test_one_invalid_request_stores_none(library: Library, tmp_path: Path) -> None:
    missing = UpscaleRequest(input=InputFile(str(tmp_path / "gone.png")))
    with pytest.raises(ProblemError, match=r"gone\.png"):
        library.queue.enqueue([TextRequest(prompt="x"), missing])
    assert library.queue.list() == []


def test_results_do_not_go_to_the_folders_that_the_library_keeps_for_itself(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(library.root / ".trash", target_is_directory=True)
    for folder in (library.root / ".trash", library.root / ".tmp" / "x", tmp_path / "link"):
        with pytest.raises(ProblemError, match="belongs to the library"):
            library.queue.enqueue([TextRequest(prompt="x")], output=str(folder))
    library.queue.enqueue([TextRequest(prompt="x")], output=str(library.root / "drafts"))


def test_a_queue_survives_the_process(tmp_path: Path) -> None:
    first = Library.open(tmp_path)
    (job,) = first.queue.enqueue([TextRequest(prompt="x", seed=1)], labels={"batch": "night"})
    first.close()
    second = Library.open(tmp_path)
    found = second.next_job()
    second.close()
    assert found is not None
    assert (found.id, found.labels) == (job.id, {"batch": "night"})


def test_jobs_run_in_order_and_higher_priority_first(library: Library) -> None:
    first, second = enqueue(library), enqueue(library)
    (urgent,) = library.queue.enqueue([ImageRequest(prompt="now", seed=1)], priority=5)
    order = []
    while (job := library.next_job()) is not None:
        order.append(library.queue.start(job).id)
    assert order == [urgent.id, first.id, second.id]


def test_moving_a_job_changes_its_position(library: Library) -> None:
    first, second, third = (enqueue(library) for _ in range(3))
    library.queue.move(third.id, before=first.id)
    assert ids(library) == [third.id, first.id, second.id]
    library.queue.move(third.id)
    assert ids(library) == [first.id, second.id, third.id]


def test_a_paused_queue_starts_no_job_and_stays_paused_after_a_restart(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    enqueue(library)
    library.queue.set_paused(True)
    library.close()
    library = Library.open(tmp_path)
    assert library.next_job() is None
    library.queue.set_paused(False)
    assert library.next_job() is not None
    library.close()


def test_a_running_job_is_cancelled_only_through_its_runner(library: Library) -> None:
    waiting, running = enqueue(library), enqueue(library)
    library.queue.start(running)
    assert library.queue.cancel(waiting.id)
    assert not library.queue.cancel(running.id)


def test_a_job_of_a_dead_process_is_interrupted_and_resumes_its_missing_rows(
    tmp_path: Path,
) -> None:
    dead = Library.open(tmp_path)
    job = enqueue(dead, count=3)
    dead.queue.start(job)
    record(dead, job, 1)
    # As after a kill: only what the system closes is closed.
    dead._work.close()
    dead._lock.release()
    library = Library.open(tmp_path)
    assert [found.id for found in library.queue.interrupted()] == [job.id]
    assert library.queue.missing_rows(library.retries.resume(job.id)) == (0, 2)
    library.close()
    dead._database.close()


def test_a_claimed_job_is_not_taken_from_the_queue(library: Library) -> None:
    library.queue.enqueue([TextRequest(prompt="mine", seed=1)], claim=True)
    assert library.next_job() is None


def test_a_second_process_may_not_run_the_queue_but_may_enqueue(tmp_path: Path) -> None:
    first, second = Library.open(tmp_path), Library.open(tmp_path)
    assert (first.is_owner, second.is_owner) == (True, False)
    enqueue(second)
    assert second.next_job() is None
    assert first.next_job() is not None
    second.close()
    first.close()


def test_a_retried_job_refers_to_the_original(library: Library) -> None:
    job = enqueue(library)
    library.queue.start(job)
    library.queue.finish(job.id, "failed")
    again = library.retries.retry(job.id)
    assert (again.retried_from, again.request) == (job.id, job.request)


def test_a_retry_makes_only_the_missing_rows(library: Library) -> None:
    one, two = enqueue(library, count=3), enqueue(library, count=3)
    for job in (one, two):
        library.queue.start(job)
        record(library, job, 1)
        library.queue.finish(job.id, "failed")
    assert library.queue.missing_rows(library.retries.retry(one.id)) == (0, 2)
    again, _ = library.retries.retry_failed()
    assert [job.id for job in again] == [two.id]
    assert ids(library) == [one.id, two.id]


def test_ten_thousand_requests_are_one_transaction(library: Library) -> None:
    jobs = library.queue.enqueue([TextRequest(prompt=f"number {n}", seed=n) for n in range(10_000)])
    assert library.queue.counts() == {"queued": len(jobs)}


def test_a_resumed_claimed_job_stays_out_of_the_queue(library: Library) -> None:
    job = enqueue(library)
    library.queue.start(job)
    library.queue.finish(job.id, "failed")
    assert library.retries.resume(job.id, claim=True).status == "running"
    assert library.next_job() is None


def test_cancelling_claimed_jobs_leaves_the_queued_ones(library: Library) -> None:
    waiting = enqueue(library)
    library.queue.enqueue([TextRequest(prompt="mine", seed=n) for n in range(3)], claim=True)
    library.queue.cancel_claimed()
    assert library.queue.counts() == {"queued": 1, "cancelled": 3}
    assert ids(library) == [waiting.id]


def test_a_prompt_of_invalid_characters_is_refused(library: Library) -> None:
    with pytest.raises(ProblemError, match="UTF-8"):
        library.queue.enqueue([TextRequest(prompt="caf\udce9")])


def test_seeds_beyond_the_largest_are_refused_and_one_that_fits_is_named(library: Library) -> None:
    with pytest.raises(ProblemError, match="at most 4294967292"):
        library.queue.enqueue([TextRequest(prompt="x", seed=2**32 - 1, count=4)])
