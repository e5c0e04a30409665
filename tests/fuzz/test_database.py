"""A damaged index: it is used as it is, or said to be damaged, kept and made again."""

from __future__ import annotations

import contextlib
import functools
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME, DamagedDatabaseError
from studio.library.index.search import AssetQuery
from studio.library.store import Library
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import damaged, fuzz, is_on_demand
from tests.unit.conftest import enqueue, record

ROUNDS = 300 if is_on_demand() else 150
_PAGE = 4_096
_made: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def _whole() -> Path:
    """Return a closed library: results of two kinds, one starred, one tagged; jobs that wait."""
    _made.append(tempfile.TemporaryDirectory())
    root = Path(_made[-1].name) / "library"
    library = Library.open(root)
    assets = [record(library, enqueue(library, f"fox {n} 狐狸")) for n in range(6)]
    (tale,) = library.queue.enqueue([TextRequest(prompt="a fox tale", seed=4)])
    assets.append(record(library, tale))
    for job in library.queue.list("queued"):
        library.queue.finish(library.queue.start(job).id, "done")
    library.marks.star([assets[1].id], True)
    library.marks.retag([assets[2].id], (), ["night"])
    library.marks.add_to_collection("Best", [assets[3].id])
    for n in range(3):
        enqueue(library, f"waiting {n}", count=2)
    library.close()
    return root


@functools.cache
def _expected() -> dict[str, Any]:
    root = _whole().with_name("asked")
    shutil.copytree(_whole(), root)
    library = Library.open(root)
    try:
        return _answers(library)
    finally:
        library.close()


@pytest.fixture(autouse=True, scope="module")
def _swept() -> object:
    yield
    _whole.cache_clear()
    _expected.cache_clear()
    while _made:
        _made.pop().cleanup()


def _answers(library: Library) -> dict[str, Any]:
    """Return what the library says to every question that a rebuild can answer again."""
    assets = library.assets
    found = assets.recent()
    return {
        "recent": {
            (
                asset.id,
                asset.path.relative_to(library.root),
                asset.medium,
                asset.prompt,
                asset.text,
                asset.created,
                asset.sha256,
                asset.size,
                asset.width,
                asset.tags,
                asset.collections,
                asset.starred,
                asset.recipe.seed,
            )
            for asset in found
        },
        "each": [assets.get(asset.id) == asset for asset in found],
        "rows": [
            # Jobs that have ended may be lost with the index.
            library.queue.get(asset.job) is None or assets.of_row(asset.job, asset.row) == asset
            for asset in found
        ],
        "jobs": [len(assets.of_job(asset.job)) for asset in found],
        "trash": len(library.trash.list()),
        "count": assets.count(),
        "fox": {asset.id for asset in assets.find(AssetQuery(words="fox"))},
        "狐": {asset.id for asset in assets.find(AssetQuery(words="狐狸"))},
        "starred": [asset.id for asset in assets.find(AssetQuery(starred=True))],
        "night": [asset.id for asset in assets.find(AssetQuery(tags=("night",)))],
        "Best": [asset.id for asset in assets.find(AssetQuery(collection="Best"))],
        "facets": assets.facets(),
        "collections": library.marks.collections(),
        "waiting": [
            (job.id, job.request, job.batch, job.status) for job in library.queue.list("queued")
        ],
        "next": (job := library.next_job()) is not None and job.id,
        "paused": library.queue.is_paused,
    }


def _use(root: Path) -> dict[str, Any]:
    """Ask everything, change something, and ask everything again."""
    library = Library.open(root)
    try:
        notice = library.notice
        assert notice is None or "index was " in str(notice.message), notice
        library.queue.list()
        library.queue.counts()
        answers = _answers(library)
        job = enqueue(library, "one more")
        library.queue.finish(library.queue.start(job).id, "failed")
        library.queue.remove(job.id)
        return answers
    finally:
        library.close()


def read(root: Path, damage: Callable[[Path], None]) -> None:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(_whole(), root)
    expected = _expected()
    damage(root / FILE_NAME)

    def call() -> dict[str, Any]:
        try:
            answers = _use(root)
        except DamagedDatabaseError:
            # What it was told to do: start again.
            answers = _use(root)
            assert list(root.glob("library.damaged-*")), "the damaged index was not kept"
        return answers

    answers = bounded("database", root.parent, call)

    def same() -> None:
        for question, answer in (answers or {}).items():
            wanted = expected[question]
            if isinstance(answer, set):
                # Only what differs, which tells findings apart.
                answer, wanted = answer - wanted, wanted - answer
            assert answer == wanted, f"{question}: {answer} for {wanted}"

    bounded("database", root.parent, same)


def _flip(file: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def _set_in_head(file: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    data[chance.randrange(100)] = chance.choice((0, 1, 2, 3, 64, 128, 255))
    file.write_bytes(data)


def _set_in_schema(file: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 3))):
        data[chance.randrange(100, 4 * _PAGE)] = chance.randrange(256)
    file.write_bytes(data)


def _cut(file: Path, chance: random.Random) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: chance.randrange(len(data))])


def _zero_pages(file: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 1, 4))):
        page = chance.randrange(len(data) // _PAGE)
        data[page * _PAGE : (page + 1) * _PAGE] = bytes(_PAGE)
    file.write_bytes(data)


def _swap_pages(file: Path, chance: random.Random) -> None:
    data = file.read_bytes()
    pages = [data[at : at + _PAGE] for at in range(0, len(data), _PAGE)]
    one, other = chance.randrange(len(pages)), chance.randrange(len(pages))
    pages[one], pages[other] = pages[other], pages[one]
    file.write_bytes(b"".join(pages))


def _old_pages(file: Path, chance: random.Random) -> None:
    """Put in garbage for a page, as a disk does that lost a sector."""
    data = bytearray(file.read_bytes())
    at = 512 * chance.randrange(len(data) // 512)
    data[at : at + 512] = chance.randbytes(512)
    file.write_bytes(data)


def _foreign(file: Path, chance: random.Random) -> None:
    """Change the schema as another program or a careless hand would."""
    statements = (
        "DROP TABLE words",
        "DROP TABLE jobs",
        "DROP TABLE contents",
        "DROP TABLE state",
        "DROP TABLE job_changes",
        "DROP INDEX assets_kept",
        "DROP INDEX assets_by_model",
        "DROP TRIGGER job_added",
        "ALTER TABLE assets RENAME COLUMN path TO place",
        "ALTER TABLE jobs RENAME TO tasks",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2",
        "PRAGMA user_version = -7",
        "PRAGMA user_version = 99",
    )
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        db.execute(chance.choice(statements))


def _wrong_values(file: Path, chance: random.Random) -> None:
    """Change values that SQLite accepts, past the triggers or as another program would."""
    odd = chance.choice(
        (
            "'[' ",
            "'{}'",
            "'null'",
            "''",
            "NULL",
            "x'ff00'",
            "-1",
            "1e300",
            "'[[[['",
            "'/etc/passwd'",
        )
    )
    if chance.random() < 0.1:
        odd = f"'{'[' * 100_000}'"
    column = chance.choice(
        (
            "assets SET path",
            "assets SET medium",
            "assets SET size",
            "assets SET created",
            "assets SET prompt",
            "assets SET row",
            "assets SET id",
            "contents SET recipe",
            "jobs SET request",
            "jobs SET labels",
            "jobs SET problem",
            "jobs SET created",
            "jobs SET count",
            "jobs SET task",
            "job_rows SET row",
        )
    )
    table = column.partition(" ")[0]
    key = {"assets": "number", "contents": "number", "jobs": "number", "job_rows": "job"}[table]
    with contextlib.closing(sqlite3.connect(file)) as db, contextlib.suppress(sqlite3.Error), db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        if chance.random() < 0.5:
            db.execute("DROP TRIGGER IF EXISTS job_changed")
            db.execute("DROP TRIGGER IF EXISTS asset_changed")
        db.execute(
            f"UPDATE OR IGNORE {column} = {odd} "
            f"WHERE {key} IN (SELECT {key} FROM {table} ORDER BY random() LIMIT 1)"
        )


DAMAGES = (
    _flip,
    _flip,
    _flip,
    _set_in_head,
    _set_in_schema,
    _cut,
    _zero_pages,
    _swap_pages,
    _old_pages,
    _foreign,
    _wrong_values,
)


def test_a_damaged_index_is_used_as_it_is_or_made_again(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32) if is_on_demand() else 0
    for number in range(ROUNDS):
        chance = random.Random(f"{seed} {number}")
        damage = DAMAGES[number % len(DAMAGES)]
        try:
            read(tmp_path / "library", partial(damage, chance=chance))
        except AssertionError as error:
            raise AssertionError(f"{damage.__name__}, random.Random('{seed} {number}')") from error


def _written(data: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.write_bytes(data)

    return write


def _bytes() -> bytes:
    return (_whole() / FILE_NAME).read_bytes()


@st.composite
def _damaged_index(draw: st.DrawFn) -> bytes:
    # Not `st.deferred`, which keeps the bytes of the first round: ids differ in each.
    return draw(damaged((_bytes(),)))


@fuzz(25, data=_damaged_index())
def test_an_index_with_odd_bytes_is_used_as_it_is_or_made_again(
    tmp_path: Path, data: bytes
) -> None:
    read(tmp_path / "library", _written(data))
