"""An index that is older than its folder, or of another library, is not taken for the right one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME
from studio.library.queue.journal import JOURNAL_FILE, _line
from studio.library.queue.transaction_marks import read_mark
from studio.library.store import Library
from tests.unit.conftest import enqueue, record


def make(library: Library, prompt: str) -> str:
    job = library.queue.start(enqueue(library, prompt))
    asset = record(library, job)
    library.queue.finish(job.id, "done")
    return asset.id


def opened_anew(root: Path) -> Library:
    library = Library.open(root)
    assert library.notice is not None
    assert "older copy, or one of another library" in str(library.notice.message)
    assert len(list(root.glob("library.replaced-*"))) == 1
    return library


def kill(library: Library) -> None:
    """End a library as a killed process does: jobs stay running, the locks are released."""
    library._database.close()
    library._work.close()
    library._lock.release()


def test_an_older_index_put_back_loses_neither_results_nor_jobs(tmp_path: Path) -> None:
    root = tmp_path / "library"
    library = Library.open(root)
    old = make(library, "monday")
    done, cancelled, waits = (enqueue(library, name) for name in ("done", "cancelled", "waits"))
    library.close()
    shutil.copy2(root / FILE_NAME, tmp_path / "monday.db")
    library = Library.open(root)
    new = [make(library, f"tuesday {n}") for n in range(3)]
    record(library, library.queue.start(done))
    library.queue.finish(done.id, "done")
    library.queue.cancel(cancelled.id)
    later = enqueue(library, "later")
    library.marks.star([new[0]], True)
    library.queue.set_paused(True)
    library.close()
    shutil.copy2(tmp_path / "monday.db", root / FILE_NAME)

    library = opened_anew(root)
    found = {asset.id: asset.starred for asset in library.assets.recent()}
    assert found == {old: False, f"{done.id}-0": False} | {name: name == new[0] for name in new}
    assert [job.id for job in library.queue.list("queued")] == [waits.id, later.id]
    statuses = library.queue.statuses([done.id, cancelled.id])
    assert statuses == {done.id: "done", cancelled.id: "cancelled"}
    assert library.queue.is_paused
    assert library.check(work_in_progress=False) == []
    library.close()
    library = Library.open(root)
    assert library.notice is None
    library.close()


def test_an_older_index_is_noticed_after_the_journal_was_written_anew(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    asset, waits = make(library, "fox"), enqueue(library, "waits", count=2)
    library.close()
    old = (tmp_path / FILE_NAME).read_bytes()
    library = Library.open(tmp_path)
    record(library, library.queue.start(waits), 0)
    record(library, waits, 1)
    library.queue.finish(waits.id, "done")
    (tmp_path / JOURNAL_FILE).write_bytes(b"")
    library.marks.star([asset], True)
    library.close()
    (tmp_path / FILE_NAME).write_bytes(old)

    library = opened_anew(tmp_path)
    # The journal does not know it any more: its files say that it is done.
    assert library.queue.require(waits.id).status == "done"
    assert library.assets.count() == 3
    library.close()


def test_results_recorded_within_one_job_are_enough_to_tell(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    (job,) = library.queue.enqueue([ImageRequest(prompt="x", seed=1, count=9)], claim=True)
    record(library, job, 0)
    kill(library)
    old = (tmp_path / FILE_NAME).read_bytes()
    library = Library.open(tmp_path)
    job = library.retries.resume(job.id, claim=True)
    for row in range(1, 4):
        record(library, job, row)
    kill(library)
    (tmp_path / FILE_NAME).write_bytes(old)
    library = opened_anew(tmp_path)
    assert library.assets.count() == 4
    (left,) = library.queue.interrupted()
    assert library.queue.missing_rows(left) == (4, 5, 6, 7, 8)
    library.close()


def test_a_killed_library_copied_without_its_write_ahead_log_keeps_everything(
    tmp_path: Path,
) -> None:
    library = Library.open(tmp_path / "library")
    done, waits = make(library, "done"), enqueue(library, "waits")
    library.close()
    library = Library.open(tmp_path / "library")
    later, last = make(library, "later"), enqueue(library, "last")
    without = shutil.ignore_patterns("*-wal", "*-shm", "*-checked", ".*lock")
    shutil.copytree(tmp_path / "library", tmp_path / "copy", ignore=without)
    library.close()
    copy = opened_anew(tmp_path / "copy")
    assert {asset.id for asset in copy.assets.recent()} == {done, later}
    assert [job.id for job in copy.queue.list("queued")] == [waits.id, last.id]
    copy.close()


@pytest.mark.parametrize("is_stamped", [True, False])
def test_the_index_of_another_library_is_set_aside_and_runs_nothing_by_itself(
    tmp_path: Path, is_stamped: bool
) -> None:
    made: list[tuple[str, str]] = []
    for name in ("one", "two"):
        library = Library.open(tmp_path / name)
        made.append((make(library, name), enqueue(library, f"{name} waits").id))
        library.close()
    for file in (FILE_NAME, f"{FILE_NAME}-checked")[: 1 + is_stamped]:
        shutil.copy2(tmp_path / "two" / file, tmp_path / "one" / file)
    library = opened_anew(tmp_path / "one")
    assert [asset.id for asset in library.assets.recent()] == [made[0][0]]
    assert library.queue.statuses([made[0][1], made[1][1]]) == {
        made[0][1]: "queued",
        made[1][1]: "interrupted",
    }
    assert len(library.queue.list()) == 2
    library.close()


def test_index_and_journal_of_two_copies_that_both_went_on_are_joined(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "one")
    both = make(library, "both")
    library.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    made: dict[str, str] = {}
    for name, more in (("one", 1), ("two", 4)):
        library = Library.open(tmp_path / name)
        for n in range(more):
            make(library, f"{name} {n}")
        made[name] = enqueue(library, f"{name} waits").id
        library.close()
    # The index of the copy that did more, the journal of the other.
    shutil.copytree(
        tmp_path / "two",
        tmp_path / "one",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(JOURNAL_FILE),
    )
    library = opened_anew(tmp_path / "one")
    assert library.assets.count() == 6 and library.assets.get(both) is not None
    assert library.queue.statuses(list(made.values())) == {
        made["one"]: "queued",
        made["two"]: "interrupted",
    }
    library.close()


def test_a_journal_that_lost_its_last_lines_with_the_power_is_written_anew(
    tmp_path: Path,
) -> None:
    library = Library.open(tmp_path)
    (waits,) = library.queue.enqueue([TextRequest(prompt="x", seed=1)])
    journal = tmp_path / JOURNAL_FILE
    synced = journal.read_bytes()
    asset = make(library, "fox")
    library.queue.cancel(waits.id)
    library.marks.star([asset], True)
    kill(library)
    assert journal.read_bytes().startswith(synced)
    lines = journal.read_bytes().splitlines(keepends=True)
    for left in range(len(lines), synced.count(b"\n"), -1):
        journal.write_bytes(b"".join(lines[:left]) + b"torn")
        if any(b'"added"' in line for line in lines[left:]):
            break  # new jobs are synced
        library = Library.open(tmp_path)
        assert library.notice is None
        assert library.queue.require(waits.id).status == "cancelled"
        library.close()
        lines = journal.read_bytes().splitlines(keepends=True)


def test_a_journal_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    waits = enqueue(library)
    with library._database.write() as db:
        db.execute("DELETE FROM state WHERE key = 'queue_mark'")
    library.close()
    journal = tmp_path / JOURNAL_FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"mark"' not in line))
    library = Library.open(tmp_path)
    assert library.notice is None
    assert [job.id for job in library.queue.list("queued")] == [waits.id]
    library.close()
    assert b'"mark"' in journal.read_bytes()


def test_a_transaction_that_changes_nothing_is_not_noted(library: Library) -> None:
    enqueue(library)
    before = (library.root / JOURNAL_FILE).read_bytes()
    assert not library.queue.cancel("nobody")
    assert (library.root / JOURNAL_FILE).read_bytes() == before


def test_a_job_that_was_cancelled_does_not_wait_again_with_an_older_journal(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    cancelled = enqueue(library)
    library.close()
    old = (tmp_path / JOURNAL_FILE).read_bytes()
    library = Library.open(tmp_path)
    library.queue.cancel(cancelled.id)
    waits = enqueue(library, "waits")
    library.close()
    (tmp_path / JOURNAL_FILE).write_bytes(old)
    library = opened_anew(tmp_path)
    statuses = library.queue.statuses([cancelled.id, waits.id])
    assert statuses == {cancelled.id: "cancelled", waits.id: "interrupted"}
    library.close()


def test_a_damaged_line_of_the_journal_does_not_cost_the_index(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    enqueue(library)
    waits = enqueue(library)
    library.close()
    journal = tmp_path / JOURNAL_FILE
    data = bytearray(journal.read_bytes())
    data[-20] ^= 1
    journal.write_bytes(data)
    library = Library.open(tmp_path)
    assert library.notice is None
    assert library.queue.waiting()[-1] == waits.id
    assert library.check(work_in_progress=False) == []
    library.close()


@pytest.mark.parametrize("number", [10**30, 10**18, 10**15, 10**15 - 1, -5, True])
@pytest.mark.parametrize("library_id", ["same", "another", "odd id"])
def test_any_mark_in_a_journal_lets_the_library_be_opened_after_one_rebuild_at_most(
    tmp_path: Path, number: int, library_id: str
) -> None:
    library = Library.open(tmp_path)
    asset, waits = make(library, "fox"), enqueue(library, "waits")
    with library._database.read() as db:
        mark = read_mark(db)
    library.close()
    assert mark is not None
    fields = {**mark.fields, "transaction": number, "mark": "m", "after": mark.name}
    if library_id != "same":
        fields["library"] = library_id
    with (tmp_path / JOURNAL_FILE).open("ab") as journal:
        journal.write(_line(fields))
    for attempt in range(4):
        library = Library.open(tmp_path)
        assert library.assets.get(asset) is not None
        assert waits.id in [job.id for job in library.queue.list("queued")]
        assert library.notice is None or attempt == 0
        enqueue(library, f"attempt {attempt}")
        library.close()
    assert len(list(tmp_path.glob("library.replaced-*"))) <= 1
