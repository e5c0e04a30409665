"""Data of a newer version is no damage: it is kept, shown and found, and its jobs wait."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from studio.formats.recipes.recipe_files import read_embedded
from studio.jobs.backlog import Backlog
from studio.jobs.batch import RemainingJobs, latest_jobs
from studio.jobs.contact_sheet import Picture, make_sheet
from studio.jobs.estimate import build_estimator, pending_work, queue_seconds
from studio.jobs.reproduce import reproduce_request
from studio.jobs.results import RESULTS, Results
from studio.jobs.runner import AssetSaved
from studio.kinds.coding import recipe_from_json, to_json
from studio.kinds.image import ImageRequest
from studio.kinds.kind import Medium
from studio.kinds.text import TextRequest
from studio.library.folder.marks_file import MARKS_FILE, read_marks
from studio.library.index.database import FILE_NAME, DamagedDatabaseError
from studio.library.index.search import AssetQuery
from studio.library.recipes.export import TABLE, export
from studio.library.recipes.metadata import read_recipe, write_with_recipe
from studio.library.recipes.settings_in_file import read_settings
from studio.library.records import Asset
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError
from studio.settings import Paths
from tests.unit.conftest import enqueue, record
from tests.unit.newer_build import (
    ANSWER,
    FIELD,
    FILES,
    REQUESTS,
    SPEECH,
    STEPS,
    add_job,
    asset_of,
    recipe_text,
    write_library,
)

CALLED = {
    "hologram.md": "Read the sea aloud",
    "hologram.png": "Read the sea aloud",
    "hologram.wav": "Read the sea aloud",
    "film.png": "Waves at the sea",
    "steps.png": "a very patient fox",
    "scale.png": "barn.png",
    "warm.md": "an overheated fox",
    "field.png": "a fox, lit well",
    "type.png": "a fox, somehow",
    "input.png": "mill.png",
}
OTHERS = "This was made with another version of Prompt Studio"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_library(tmp_path / "图库")
    return tmp_path / "图库"


@pytest.fixture
def newer(root: Path) -> Iterator[Library]:
    opened = Library.open(root)
    yield opened
    opened.close()


def one(library: Library, name: str) -> Asset:
    asset = library.assets.get(asset_of(name))
    assert asset is not None, name
    return asset


def stored(root: Path) -> dict[str, tuple[str, str]]:
    """The jobs in the index: id → status and request."""
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        return {row[0]: row[1:] for row in db.execute("SELECT id, status, request FROM jobs")}


# ---- results


def test_it_opens_without_a_notice_and_lists_every_result(newer: Library, root: Path) -> None:
    assert newer.notice is None
    assert {asset.path.name: asset.prompt for asset in newer.assets.recent()} == CALLED
    assert not list(root.glob("*damaged*"))


@pytest.mark.parametrize("name", FILES)
def test_recipes_and_the_json_of_requests_are_kept_unchanged(newer: Library, name: str) -> None:
    recipe = one(newer, name).recipe
    known = name in ("steps.png", "scale.png", "warm.md")
    assert (
        json.loads(to_json(recipe)).items()
        >= {
            **json.loads(recipe_text(name)),
            **({"request": json.loads(to_json(recipe.request))} if known else {}),
        }.items()
    )
    assert recipe.unknown["watermark"] == {"strength": 0.25, "keys": ["a", "b"]}
    if known:
        assert (
            json.loads(to_json(recipe.request)).items()
            >= {
                key: value for key, value in json.loads(FILES[name]).items() if key != "input"
            }.items()
        )
    else:
        assert to_json(recipe.request) == FILES[name]


def test_the_medium_comes_from_the_kind_or_else_from_the_suffix(newer: Library) -> None:
    media = {asset.path.name: asset.medium for asset in newer.assets.recent()}
    by_suffix = {".md": Medium.TEXT, ".png": Medium.PICTURE, ".wav": Medium.AUDIO}
    assert media == {name: by_suffix[Path(name).suffix] for name in FILES}
    assert one(newer, "hologram.md").text == ANSWER


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("aloud", {"hologram.md", "hologram.png", "hologram.wav"}),
        ("sea", {"hologram.md", "hologram.png", "hologram.wav", "film.png"}),
        ("patient", {"steps.png"}),
        ("barn", {"scale.png"}),
        ("mill", {"input.png"}),
        ("new", set(FILES)),
    ],
)
def test_they_are_found_by_words(newer: Library, words: str, names: set[str]) -> None:
    assert {asset.path.name for asset in newer.assets.find(AssetQuery(words=words))} == names


def test_they_are_found_by_task_and_label(newer: Library) -> None:
    wanted = AssetQuery(task="hologram", labels=(("shelf", "new"),))
    assert len(newer.assets.find(wanted)) == 3
    assert newer.assets.facets().labels == {"shelf": ("new",)}


def test_they_are_starred_tagged_collected_trashed_and_restored(newer: Library) -> None:
    names = [asset_of(name) for name in FILES]
    places = {asset.id: asset.path for asset in newer.assets.recent()}
    newer.marks.star(names, True)
    newer.marks.retag(names, [], ["kept"])
    newer.marks.add_to_collection("From the future", names)
    assert newer.marks.collections() == [("From the future", len(FILES))]
    assert sorted(newer.trash.put(names)) == sorted(names)
    assert newer.assets.recent() == []
    assert {asset.id: asset.path for asset in newer.trash.restore(names)} == places
    assert all(asset.starred and asset.tags == ("kept",) for asset in newer.assets.recent())


def test_unknown_marks_stay_in_the_file(newer: Library, root: Path) -> None:
    name = asset_of("steps.png")
    with (root / MARKS_FILE).open("a") as file:
        file.write('{"asset":"x-0","tags":[{"name":"deep","colour":"red"}]}\n')
    newer.marks.star([name], False)
    newer.marks.retag([name], [], ["slow"])
    newer.trash.put([name])
    newer.trash.restore([name])
    for _ in range(600):
        newer.marks.star([name], True)
        newer.marks.star([name], False)
    kept = read_marks(root)[name]
    assert (kept.tags, kept.unknown) == (("slow",), {"rating": 4})
    assert '"rating":4' in (root / MARKS_FILE).read_text().splitlines()[-1]
    assert '"colour":"red"' in (root / MARKS_FILE).read_text()


def test_they_are_exported_unchanged_with_their_recipes(newer: Library, tmp_path: Path) -> None:
    assets = newer.assets.recent()
    copies = export(assets, tmp_path / "out")
    assert [copy.read_bytes() for copy in copies] == [asset.path.read_bytes() for asset in assets]
    with (tmp_path / "out" / TABLE).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [recipe_from_json(row["recipe"]) for row in rows] == [a.recipe for a in assets]


@pytest.mark.parametrize("to", ["webp", "jpeg"])
def test_pictures_are_converted_with_the_complete_recipe(
    newer: Library, tmp_path: Path, to: Literal["webp", "jpeg"]
) -> None:
    pictures = [asset for asset in newer.assets.recent() if asset.medium is Medium.PICTURE]
    assert len(pictures) == 7
    for asset, copy in zip(pictures, export(pictures, tmp_path, to), strict=True):
        assert copy.suffix != ".png"
        recipe = read_recipe(copy)
        assert recipe == asset.recipe
        assert to_json(recipe) == to_json(asset.recipe)


def test_no_parameters_for_other_programs_are_written(newer: Library) -> None:
    said = read_embedded(one(newer, "input.png").path).texts
    assert "postprocessing" not in said and "parameters" not in said
    assert "Steps: 9000" in read_embedded(one(newer, "steps.png").path).texts["parameters"]


def test_a_contact_sheet_of_them_can_be_created(newer: Library, tmp_path: Path) -> None:
    pictures = [Picture(a.path, a.recipe.labels) for a in newer.assets.recent()]
    assert make_sheet(pictures, ["shelf"], tmp_path / "sheet.png").is_file()


# ---- from the files alone


def test_a_rebuild_keeps_every_asset(newer: Library, root: Path) -> None:
    before = newer.assets.recent()
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        db.execute("UPDATE assets SET rating = 3")
    assert newer.rebuild() == len(FILES)
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        assert db.execute("SELECT DISTINCT rating FROM assets").fetchall() == [(3,)]
    assert newer.assets.recent() == before
    assert read_marks(root)[asset_of("steps.png")].unknown == {"rating": 4}


def test_a_fresh_index_lists_every_readable_file_and_changes_none(root: Path) -> None:
    files = {path: path.read_bytes() for path in root.glob("2031*/*")}
    library = Library.open(root)
    before = {asset.id: asset for asset in library.assets.recent()}
    library.close()
    for file in root.glob(f"{FILE_NAME}*"):
        file.unlink()
    for opened in range(2):
        library = Library.open(root)
        assert (library.notice is None) == (opened == 1)
        after = {asset.id: asset for asset in library.assets.recent()}
        library.close()
        assert after == {name: before[name] for name in after}
        assert set(before) - set(after) <= {asset_of("hologram.wav")}
    assert {path: path.read_bytes() for path in root.glob("2031*/*")} == files
    assert not list(root.glob("*damaged*"))


def test_jobs_are_recovered_unchanged_from_a_damaged_index(root: Path) -> None:
    before = stored(root)
    (root / f"{FILE_NAME}-damaged").touch()
    library = Library.open(root)
    assert library.notice is not None and len(library.assets.recent()) >= len(FILES) - 1
    library.close()
    assert stored(root) == before


# ---- jobs


def test_jobs_that_cannot_run_are_skipped(newer: Library, root: Path) -> None:
    before = stored(root)
    own = [enqueue(newer).id for _ in range(3)]
    ran = []
    while (job := newer.next_job()) is not None:
        newer.queue.start(job)
        record(newer, job)
        ran.append(newer.queue.finish(job.id, "done").id)
    assert ran == own
    assert newer.queue.waiting() == [f"waiting-{place}" for place in range(len(REQUESTS))]
    after = stored(root)
    assert {name: after[name] for name in before} == before
    assert [request for _, request in before.values()] == list(REQUESTS)


def test_a_job_that_cannot_run_says_why_it_waits(newer: Library) -> None:
    said = {job.request.task: str(job.unsupported_reason) for job in newer.queue.list("queued")}
    assert said["hologram"].startswith(OTHERS)
    told = [
        str(job.unsupported_reason)
        for job in newer.queue.list("queued")
        if to_json(job.request) != SPEECH
    ]
    assert "steps must be a whole number of at most 500." in told
    assert "scale must be one of: 2, 3, 4." in told
    assert "temperature must be a number of at most 5." in told


def test_they_do_not_keep_jobs_of_a_batch_from_sharing_calls(newer: Library) -> None:
    requests = [TextRequest(prompt=f"n {n}", seed=n) for n in range(12)]
    jobs = newer.queue.enqueue(requests, batch="night")
    for job in jobs[:8]:
        newer.queue.start(job)
        newer.queue.finish(job.id, "done")
    assert [job.id for job in newer.queue.companions(jobs[8], 16)] == [job.id for job in jobs[9:]]


def test_retry_duplicate_and_resume_are_refused_and_change_nothing(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        for place, request in enumerate(REQUESTS):
            add_job(db, f"failed-{place}", request, status="failed", started="", count=2)
        db.execute("INSERT INTO job_rows (job, row) VALUES ('failed-0', 0)")
    before = stored(root)
    library = Library.open(root)
    for place in range(len(REQUESTS)):
        for repeat in (library.retries.retry, library.retries.duplicate, library.retries.resume):
            with pytest.raises(ProblemError):
                repeat(f"failed-{place}")
    again, refused = library.retries.retry_failed()
    assert (again, len(refused)) == ([], len(REQUESTS))
    library.close()
    assert stored(root) == before


def test_reproducing_is_refused_with_the_reason(newer: Library, paths: Paths) -> None:
    for name in FILES:
        with pytest.raises(ProblemError, match=r"another version|must be"):
            reproduce_request(one(newer, name), newer, Registry(paths))


def test_values_out_of_range_are_kept_until_they_are_checked(newer: Library) -> None:
    restored = read_settings(one(newer, "steps.png").path)
    assert restored is not None and isinstance(restored.request, ImageRequest)
    assert restored.request.steps == 9000
    with pytest.raises(ProblemError, match="steps must be a whole number of at most 500"):
        newer.queue.enqueue([restored.request])
    (job,) = newer.queue.enqueue([restored.request.with_values(steps=20)])
    assert job.unsupported_reason is None and job.request.seed == 7


def test_settings_of_an_unknown_request_are_restored_unchanged(newer: Library) -> None:
    restored = read_settings(one(newer, "hologram.png").path)
    assert restored is not None and restored.request.task == "hologram"


def test_labels_problems_and_statuses_of_other_versions_are_read(root: Path) -> None:
    said = {"template": "Accept the licence of {m}.", "values": {"m": "X"}}
    trouble = json.dumps({"kind": "no_licence", "message": said})
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        add_job(db, "odd", SPEECH, status="failed", problem=trouble, labels='{"a":"b","n":1}')
        add_job(db, "odder", STEPS, status="failed", problem='["?"]', labels="[]", count=10**12)
        db.execute("PRAGMA ignore_check_constraints = ON")
        add_job(db, "asleep", FIELD, status="postponed", count=3)
    library = Library.open(root)
    odd, odder, asleep = (library.queue.get(name) for name in ("odd", "odder", "asleep"))
    assert odd is not None and odder is not None and asleep is not None
    assert odd.problem is not None and str(odd.problem.message) == "Accept the licence of X."
    assert odd.labels == {"a": "b"}
    assert odder.problem is not None and odder.problem.kind == "bug"
    assert asleep.status == "interrupted"
    library.close()


def test_a_file_placed_by_another_version_just_before_a_crash_is_adopted(
    root: Path,
) -> None:
    final = root / "2031-05-06" / "hologram-2.png"
    text = recipe_text("hologram.png").replace("newer-hologram-png", "killed")
    write_with_recipe(root / "2031-05-06" / "hologram.png", final, recipe_from_json(text))
    many = 10**12
    request = SPEECH.replace('"seed":7', f'"seed":7,"count":{many}')
    began = "2020-01-01T00:00:00+00:00"
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        add_job(db, "killed", request, status="running", owner="gone", started=began, count=many)
    library = Library.open(root)
    job = library.queue.get("killed")
    assert job is not None and (job.status, job.done_rows) == ("interrupted", (0,))
    assert [asset.path for asset in library.assets.of_job("killed")] == [final]
    library.close()


# ---- estimates, tables and batches


def test_estimates_leave_out_jobs_that_cannot_run(newer: Library) -> None:
    known = build_estimator(newer)
    assert queue_seconds(newer, known) == 0
    backlog = Backlog(newer)
    assert backlog.remaining(known).waiting == backlog.remaining(known).unknown == 0
    assert known.total_seconds(pending_work(job) for job in newer.queue.list("queued"))[1] == len(
        REQUESTS
    )
    for job in newer.queue.list("queued"):
        assert not known.seconds(job.request)
        assert not known.peaks(job.request)


def test_a_job_of_another_process_has_an_unknown_duration(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        for place, request in enumerate(REQUESTS):
            add_job(db, f"running-{place}", request, status="running", owner="another")
    library = Library.open(root, run_queue=False)
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        db.execute("UPDATE jobs SET status = 'running' WHERE id LIKE 'running-%'")
    left = Backlog(library).remaining(build_estimator(library))
    assert len(left.running) == len(REQUESTS)
    library.close()


def test_their_results_are_listed_in_the_table_and_lines_of_unknown_tasks_are_kept(
    newer: Library, tmp_path: Path
) -> None:
    jobs = newer.queue.list("queued")
    results = Results(tmp_path, jobs)
    asset = one(newer, "hologram.md")
    for job in jobs:
        results.on_event(AssetSaved(replace(asset, job=job.id, path=tmp_path / job.id)))
    with (tmp_path / RESULTS).open("ab") as file:
        file.write(b'9,hologram,0,"cut')
        file.write(b"\r\n10,hologram,0,a.wav,1,2,\r\n11,hologram,1,b.wav,1,2,\r\n")
    Results(tmp_path, jobs)
    table = (tmp_path / RESULTS).read_bytes()
    assert b"10,hologram,0,a.wav" in table and b"11,hologram,1,b.wav" in table
    assert table.count(b",hologram,0,") == 3


def test_a_batch_runs_without_the_lines_that_cannot_run(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        for line, request in enumerate((SPEECH, FIELD, STEPS), 2):
            labels = json.dumps({"line": str(line)})
            add_job(db, f"line-{line}", request, status="interrupted", batch="b", labels=labels)
    library = Library.open(root)
    own = library.queue.enqueue([TextRequest(prompt="x", seed=1)], batch="b", labels={"line": "9"})
    jobs = latest_jobs(library, "b")
    left = RemainingJobs(library, jobs)
    assert [job.id for job in left] == [own[0].id]
    library.close()
    assert [stored(root)[f"line-{line}"][0] for line in (2, 3, 4)] == ["interrupted"] * 3


def test_invalid_json_still_counts_as_damage(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        add_job(db, "broken", SPEECH)
        db.execute("UPDATE jobs SET request = '{\"task\"' WHERE id = 'broken'")
    library = Library.open(root)
    with pytest.raises(DamagedDatabaseError):
        library.queue.get("broken")
    library.close()
