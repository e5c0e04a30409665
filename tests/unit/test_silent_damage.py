"""Damage to the index that SQLite accepts is noticed at the next start, and nothing is doubled."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from studio.library.index.database import FILE_NAME
from studio.library.index.verify import structure_damage
from studio.library.store import Library
from tests.unit.conftest import enqueue, record

_SWAPPED = "tags", "tags_by_tag"


def reopened(root: Path) -> Library:
    library = Library.open(root)
    assert library.notice is not None and "index was damaged" in str(library.notice.message)
    return library


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a closed library: a result with a tag, and jobs that wait."""
    library = Library.open(tmp_path / "library")
    job = enqueue(library)
    asset = record(library, job)
    library.queue.finish(library.queue.start(job).id, "done")
    library.marks.retag([asset.id], (), ["night"])
    enqueue(library, "waiting 0")
    enqueue(library, "waiting 1")
    library.close()
    return library.root


def test_a_table_and_its_index_that_changed_places_are_noticed(root: Path) -> None:
    file = root / FILE_NAME
    with contextlib.closing(sqlite3.connect(file)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        pages = dict(db.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage"))
    data = file.read_bytes()
    one, other = (slice((pages[name] - 1) * size, pages[name] * size) for name in _SWAPPED)
    swapped = bytearray(data)
    swapped[one], swapped[other] = data[other], data[one]
    file.write_bytes(swapped)

    library = reopened(root)
    (asset,) = library.assets.recent()
    assert asset.tags == ("night",)
    assert library.assets.facets().tags == (("night", 1),)
    library.close()


def test_a_result_that_lost_its_id_is_noticed(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        (name,) = db.execute("SELECT id FROM assets").fetchone()
        db.execute("DELETE FROM tags")
        db.execute("UPDATE job_rows SET asset = NULL")
        db.execute("UPDATE assets SET id = ''")

    library = reopened(root)
    assert [asset.id for asset in library.assets.recent()] == [name]
    library.close()


def test_a_waiting_job_whose_id_is_damaged_waits_once(root: Path) -> None:
    library = Library.open(root)
    waiting = library.queue.list("queued")
    library.close()
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        db.execute("UPDATE jobs SET id = upper(id) WHERE id = ?", (waiting[0].id,))
        db.execute("UPDATE jobs SET request = '{}' WHERE id = ?", (waiting[1].id,))

    library = reopened(root)
    found = library.queue.list("queued")
    assert [(job.id, job.request) for job in found] == [(job.id, job.request) for job in waiting]
    library.close()


def test_a_foreign_key_to_a_table_that_does_not_exist_is_noticed(root: Path) -> None:
    file = root / FILE_NAME
    data = file.read_bytes()
    assert data.count(b"retried_from TEXT REFERENCES jobs (id)") == 1
    # A single bit.
    file.write_bytes(data.replace(b"from TEXT REFERENCES jobs (", b"from TEXT REFERENCES jobs0("))

    library = reopened(root)
    for job in library.queue.list("queued"):
        library.queue.remove(job.id)
    library.close()


def test_impossible_sizes_in_the_full_text_index_are_damage() -> None:
    class Db:
        def __init__(self) -> None:
            self._db = sqlite3.connect(":memory:")
            self._db.execute("CREATE VIRTUAL TABLE words USING fts5 (prompt)")

        def execute(self, statement: str) -> sqlite3.Cursor:
            if "integrity-check" in statement:
                raise MemoryError
            return self._db.execute(statement)

    assert structure_damage(Db())  # type: ignore[arg-type]
