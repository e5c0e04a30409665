"""A library written by the last version before the kinds opens, runs and rebuilds."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.kinds.coding import to_json
from studio.kinds.kind import Medium
from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.index.database import FILE_NAME, VERSION
from studio.library.index.search import AssetQuery
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import Request, UnknownRequest
from studio.settings import default_paths
from tests.unit.conftest import record

DATA = Path(__file__).parents[1] / "data" / "library_before_kinds"
WRITTEN_IN = "/home/someone/library"
LISTED: dict[str, Any] = json.loads((DATA / "listed.json").read_text("utf-8"))
"""What that version listed."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    shutil.copytree(DATA / "library", folder)
    marks = folder / "marks.jsonl"
    marks.write_text(marks.read_text("utf-8").replace(WRITTEN_IN, str(folder)), "utf-8")
    script = (DATA / "library.sql").read_text("utf-8").replace(WRITTEN_IN, str(folder))
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as db:
        db.executescript(script)
    return folder


@pytest.fixture
def older(root: Path) -> Iterator[Library]:
    opened = Library.open(root)
    yield opened
    opened.close()


def listed_fields(asset: Asset, root: Path) -> dict[str, Any]:
    """Return the fields of an asset in the form of `listed.json`."""
    return {
        "id": asset.id,
        "task": asset.task,
        "path": asset.path.relative_to(root).as_posix(),
        "prompt": asset.prompt,
        "text": asset.text,
        "model": asset.recipe.model_id,
        "seed": asset.recipe.seed,
        "starred": asset.starred,
        "tags": list(asset.tags),
        "collections": list(asset.collections),
        "labels": asset.recipe.labels,
        "width": asset.width,
        "height": asset.height,
        "parents": [parent.asset for parent in asset.recipe.parents],
        "request": fields_of(asset.recipe.request, root),
    }


def fields_of(request: Request, root: Path) -> dict[str, Any]:
    """Return the fields of a request without newer ones, which must have their defaults."""
    fields: dict[str, Any] = json.loads(to_json(request).replace(str(root), WRITTEN_IN))
    assert fields.pop("adapters", []) == []
    assert fields.pop("format", "input") == "input"
    assert fields.pop("answer_start", "") == ""
    assert fields.pop("fast_variations", False) is False
    assert fields.pop("drawing", False) is False
    assert fields.pop("min_p", None) is None
    assert fields.pop("stop", []) == []
    assert fields.pop("sources", []) == []
    assert fields.pop("preset", "balanced") == "balanced"
    assert fields.pop("schema", "") == fields.pop("regex", "") == ""
    return fields


def test_it_opens_without_a_notice_and_lists_the_same_assets(older: Library, root: Path) -> None:
    assert older.notice is None
    assert not list(root.glob("*damaged*"))
    assert [listed_fields(asset, root) for asset in older.assets.recent()] == LISTED["assets"]
    assert [listed_fields(asset, root) for asset in older.trash.list()] == LISTED["trashed"]
    assert [list(held) for held in older.marks.collections()] == LISTED["collections"]
    for words, ids in LISTED["searches"].items():
        assert [asset.id for asset in older.assets.find(AssetQuery(words=words))] == ids, words


def test_every_request_is_known_and_every_result_has_its_medium(older: Library) -> None:
    requests = [asset.recipe.request for asset in older.assets.recent()]
    requests += [job.request for job in older.queue.list()]
    assert not [request for request in requests if isinstance(request, UnknownRequest)]
    assert all(
        asset.medium is (Medium.TEXT if asset.path.suffix == ".md" else Medium.PICTURE)
        for asset in older.assets.recent()
    )


def test_its_jobs_are_unchanged(older: Library, root: Path) -> None:
    jobs = [
        {
            "id": job.id,
            "status": job.status,
            "done": list(job.done_rows),
            "labels": job.labels,
            "batch": job.batch,
            "problem": str(job.problem.message) if job.problem else "",
            "request": fields_of(job.request, root),
        }
        for job in older.queue.list()
    ]
    assert jobs == LISTED["jobs"]
    assert {job["status"] for job in jobs} >= {"done", "failed", "queued", "interrupted"}
    assert list(older.queue.waiting()) == LISTED["turns"]


def test_its_waiting_and_interrupted_jobs_run(older: Library) -> None:
    turns, before = list(older.queue.waiting()), older.queue.counts()
    assert before == {"done": 8, "queued": 4, "failed": 1, "cancelled": 1, "interrupted": 1}
    older.retries.resume_interrupted()
    ran: list[str] = []
    while (job := older.next_job()) is not None:
        assert job.unsupported_reason is None
        older.queue.start(job)
        for row in older.queue.missing_rows(job):
            record(older, job, row)
        ran.append(older.queue.finish(job.id, "done").id)
    assert [job for job in ran if job in turns] == turns
    assert older.queue.counts() == {"done": 13, "failed": 1, "cancelled": 1}


def test_a_failed_job_is_retried_and_another_one_duplicated(older: Library) -> None:
    again, refused = older.retries.retry_failed()
    assert (len(again), refused) == (1, [])
    (picture,) = older.assets.find(AssetQuery(words="lamp"))
    assert isinstance(older.retries.duplicate(picture.job), Job)


def test_a_rebuild_restores_all_assets_with_their_marks(root: Path) -> None:
    library = Library.open(root)
    before = [(asset.number, listed_fields(asset, root)) for asset in library.assets.recent()]
    trashed = [listed_fields(asset, root) for asset in library.trash.list()]
    assert library.rebuild() == len(LISTED["assets"])
    after = [(asset.number, listed_fields(asset, root)) for asset in library.assets.recent()]
    assert after == before
    assert [listed_fields(asset, root) for asset in library.trash.list()] == trashed
    library.close()
    for file in root.glob(f"{FILE_NAME}*"):
        file.unlink()
    library = Library.open(root)
    fresh = {asset.id: listed_fields(asset, root) for asset in library.assets.recent()}
    assert fresh == {asset["id"]: asset for asset in LISTED["assets"]}
    assert [listed_fields(asset, root) for asset in library.trash.list()] == LISTED["trashed"]
    library.close()


def test_its_index_is_migrated_once(root: Path) -> None:
    for _ in range(2):
        library = Library.open(root)
        assert library.notice is None
        library.close()
        with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


@pytest.mark.parametrize("first", ["this library", "another folder", "another library"])
def test_folders_that_an_earlier_version_wrote_to_stay_usable(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    if first == "another folder":
        ChosenFolders(default_paths().chosen_folders).add(tmp_path / "new")
    elif first == "another library":
        Library.open(tmp_path / "another").close()
    outside = tmp_path / "my results"
    outside.mkdir()
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        ((stored,),) = db.execute("SELECT path FROM assets WHERE path LIKE '%.png' LIMIT 1")
        shutil.move(root / stored, outside / "fox.png")
        db.execute("UPDATE assets SET path = ? WHERE path = ?", (str(outside / "fox.png"), stored))
        db.commit()
    # The first command of this version may list a folder before the library is opened.
    ChosenFolders(tmp_path / "output_folders").add(tmp_path / "another")
    library = Library.open(root)
    try:
        library.rebuild()
        assert outside / "fox.png" in {asset.path for asset in library.assets.find(AssetQuery())}
    finally:
        library.close()


def test_folders_that_a_library_from_elsewhere_names_are_not_trusted(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        db.execute("UPDATE assets SET path = '/etc/' || id WHERE path LIKE '%.png'")
        db.commit()
    Library.open(root).close()
    assert not ChosenFolders(tmp_path / "home" / "output_folders").contains(Path("/etc"))
