"""Waiting jobs survive the loss of the index: they are in the queue's journal too."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME
from studio.library.queue.journal import JOURNAL_FILE, read_journal
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import ProblemError, UnknownRequest
from tests.unit.conftest import enqueue, record
from tests.unit.newer_build import add_job


def lose_index(root: Path) -> None:
    for file in root.glob(f"{FILE_NAME}*"):
        file.unlink()


def all_jobs(root: Path) -> list[Job]:
    library = Library.open(root)
    try:
        waiting = library.queue.list("queued", 100_000)
        return [*waiting, *(job for job in library.queue.list() if job.status != "queued")]
    finally:
        library.close()


def test_waiting_jobs_return_in_their_order_and_with_all_that_belongs_to_them(
    tmp_path: Path,
) -> None:
    library = Library.open(tmp_path)
    one, two, three = library.queue.enqueue(
        [TextRequest(prompt=f"狐 {n}", seed=n) for n in range(3)],
        batch="night",
        labels=[{"shelf": str(n)} for n in range(3)],
        output=str(tmp_path / "out"),
    )
    (urgent,) = library.queue.enqueue([ImageRequest(prompt="now", seed=1)], priority=5)
    done, cancelled, gone = (enqueue(library, prompt) for prompt in ("done", "no", "gone"))
    library.queue.move(three.id, one.id)
    record(library, library.queue.start(done))
    library.queue.finish(done.id, "done")
    library.queue.cancel(cancelled.id)
    library.queue.remove(gone.id)
    library.queue.set_paused(True)
    order = library.queue.list("queued")
    assert [job.id for job in order] == [urgent.id, three.id, one.id, two.id]
    library.close()
    lose_index(tmp_path)
    library = Library.open(tmp_path)
    found = library.queue.list()
    restored = library.queue.list("queued")
    assert library.queue.is_paused
    assert len(found) == 4
    assert [(job.id, job.number, job.request) for job in restored] == [
        (job.id, job.number, job.request) for job in order
    ]
    assert [(job.priority, job.batch, job.labels, job.output) for job in restored] == [
        (job.priority, job.batch, job.labels, job.output) for job in order
    ]
    assert len(library.assets.recent()) == 1
    library.close()
    lose_index(tmp_path)
    assert [job.id for job in all_jobs(tmp_path)] == [job.id for job in order]


def test_a_job_that_ran_is_interrupted_and_only_its_missing_rows_are_made(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    job, other = library.queue.enqueue([ImageRequest(prompt="x", seed=1, count=3)] * 2, claim=True)
    (waiting,) = library.queue.enqueue(
        [ImageRequest(prompt="y", seed=1, count=2)], output=str(tmp_path / "out")
    )
    record(library, job, 1)
    for row in range(3):
        record(library, other, row)
    record(library, library.queue.start(waiting), 0, created=waiting.created)
    library._database.close()  # as a killed process does
    library._work.close()
    library._lock.release()
    lose_index(tmp_path / "library")
    library = Library.open(tmp_path / "library")
    found = {one.id: one for one in library.queue.list()}
    assert {name: one.status for name, one in found.items()} == {
        job.id: "interrupted",
        other.id: "done",
        waiting.id: "interrupted",
    }
    assert library.queue.missing_rows(found[job.id]) == (0, 2)
    assert library.queue.missing_rows(found[waiting.id]) == (1,)
    library.close()


def test_what_another_version_enqueued_is_journaled_and_kept_raw(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    raw = '{"task":"hologram","prompt":"sea","seed":3,"voice":{"name":"anna"}}'
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as db, db:
        add_job(db, "newer", raw, position=1)
    Library.open(tmp_path).close()
    lose_index(tmp_path)
    (job,) = all_jobs(tmp_path)
    assert job.id == "newer"
    assert isinstance(job.request, UnknownRequest) and job.request.raw == raw


def test_a_library_without_a_journal_gets_one(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    job = enqueue(library)
    library.close()
    (tmp_path / JOURNAL_FILE).unlink()
    Library.open(tmp_path).close()
    assert list(read_journal(tmp_path).waiting) == [job.id]


def test_a_resumed_job_is_in_the_journal_again(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    job = enqueue(library)
    library.queue.cancel(job.id)
    assert read_journal(tmp_path).waiting == {}
    library.queue.restore_cancelled([job.id])
    library.close()
    lose_index(tmp_path)
    assert [one.id for one in all_jobs(tmp_path)] == [job.id]


@pytest.mark.parametrize("cut", [2, 40, 400])
def test_a_bulk_that_was_not_written_to_its_end_is_left_out_whole(tmp_path: Path, cut: int) -> None:
    library = Library.open(tmp_path)
    job = enqueue(library)
    library.queue.enqueue([TextRequest(prompt="x", seed=1)] * 3)
    library.close()
    lose_index(tmp_path)
    journal = tmp_path / JOURNAL_FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    end = sum(map(len, lines[:-2]))
    assert b'"added"' in lines[-2] and b'"mark"' in lines[-1]
    journal.write_bytes(journal.read_bytes()[: end - cut])
    assert [one.id for one in all_jobs(tmp_path)] == [job.id]


def test_a_damaged_line_costs_one_job(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    library.queue.enqueue([TextRequest(prompt=f"number {n}", seed=n) for n in range(4)])
    library.close()
    lose_index(tmp_path)
    journal = tmp_path / JOURNAL_FILE
    journal.write_bytes(journal.read_bytes().replace(b"number 2", b"nunber 2"))
    assert [one.request.seed for one in all_jobs(tmp_path)] == [0, 1, 3]


def test_a_bulk_is_synced_once_and_the_journal_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library.open(tmp_path)
    synced: list[int] = []
    sync = os.fsync

    def counted(file: int) -> None:
        synced.append(file)
        sync(file)

    monkeypatch.setattr(os, "fsync", counted)
    library.queue.enqueue([TextRequest(prompt="x" * 500, seed=1)] * 300)
    assert len(synced) <= 2  # the file, and at first its folder
    synced.clear()
    for job in library.queue.list("queued", 299):
        library.queue.finish(library.queue.start(job).id, "done")
    assert len(synced) < 5  # written anew now and then
    (last,) = library.queue.list("queued")
    library.queue.cancel(last.id)
    library.close()
    assert (tmp_path / JOURNAL_FILE).stat().st_size < 1_000


ENQUEUE = """
import sys
from pathlib import Path
from studio.kinds.text import TextRequest
from studio.library.store import Library
library = Library.open(Path(sys.argv[1]), run_queue=False)
for n in range(25):
    jobs = library.queue.enqueue([TextRequest(prompt="x", seed=n)] * 2)
    library.queue.cancel(jobs[0].id)
library.close()
"""


def test_processes_that_enqueue_at_once_share_the_journal(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    started = [subprocess.Popen([sys.executable, "-c", ENQUEUE, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    library = Library.open(tmp_path)
    waiting = library.queue.waiting()
    library.close()
    lose_index(tmp_path)
    assert [job.id for job in all_jobs(tmp_path)] == list(waiting)
    assert len(waiting) == 75


def test_jobs_are_not_lost_where_the_journal_cannot_be_read_at_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library.open(tmp_path)
    job = enqueue(library)
    library.close()
    lose_index(tmp_path)
    read = Path.read_bytes

    def unreadable(path: Path) -> bytes:
        if path.name == JOURNAL_FILE:
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", unreadable)
        with pytest.raises(ProblemError, match="cannot be read"):
            Library.open(tmp_path)
    assert [each.id for each in all_jobs(tmp_path)] == [job.id]
