"""Damage to the index that SQLite accepts is noticed at the next start, and nothing is doubled."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from studio.library.index.database import FILE_NAME
from studio.library.index.search import AssetQuery
from studio.library.index.verify import structure_damage
from studio.library.store import Library
from tests.unit.conftest import enqueue, record

_SWAPPED = "tags", "tags_by_tag"
BITS = range(8)
ALL = 10


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


def test_a_search_index_whose_damage_sqlite_does_not_see_is_made_anew(root: Path) -> None:
    library = Library.open(root)
    for n in range(9):
        record(library, enqueue(library, f"{'fox ' * n} and fox {n}"))
    found = library.assets.find(AssetQuery(words="fox"))
    library.close()
    with contextlib.closing(sqlite3.connect(root / FILE_NAME, isolation_level=None)) as db:
        blocks = db.execute(
            "SELECT id, block FROM words_data WHERE instr(block, CAST('fox' AS BLOB))"
        ).fetchall()
        assert any(_miss_foxes(db, name, block, 1 << bit) for name, block in blocks for bit in BITS)

    library = Library.open(root)
    assert len(found) == ALL and library.assets.find(AssetQuery(words="fox")) == found
    library.close()


def _miss_foxes(db: sqlite3.Connection, name: int, block: bytes, bit: int) -> bool:
    """Flip a bit of a word, and back if it is noticed. Returns whether it is not, and matters."""
    # The index of beginnings of three letters comes last.
    changed = bytearray(block)
    changed[block.rindex(b"fox") + 2] ^= bit
    db.execute("UPDATE words_data SET block = ? WHERE id = ?", (bytes(changed), name))
    with contextlib.suppress(sqlite3.DatabaseError):
        if structure_damage(db) == "":
            (left,) = db.execute("SELECT count(*) FROM words WHERE words MATCH 'fox*'").fetchone()
            return bool(left < ALL)
    db.execute("UPDATE words_data SET block = ? WHERE id = ?", (block, name))
    return False
