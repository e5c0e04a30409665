"""Results on disk: complete, never overwritten, found again after the database is lost."""

from __future__ import annotations

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from studio.kinds.film import FilmRequest
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.kinds.video import VideoRequest
from studio.library.folder.file_names import slug
from studio.library.folder.stored_paths import StoredPaths
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.database import FILE_NAME
from studio.library.index.search import AssetQuery
from studio.library.recipes.metadata import read_recipe
from studio.library.records import Asset
from studio.library.store import Library
from studio.protocol import InputFile, ProblemError
from tests.unit.conftest import enqueue, png_bytes, record


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red Apple, 3d style!", "a-red-apple-3d-style"),
        ("红苹果，扁平风格", "红苹果-扁平风格"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "x-con"),
        ("nul.txt", "x-nul-txt"),
        ("a" * 500, "a" * 60),
        ("...", ""),
        ("line\nbreak\x00", "line-break"),
    ],
)
def test_a_slug_is_safe_on_every_system_and_keeps_chinese(prompt: str, name: str) -> None:
    assert slug(prompt) == name


def test_a_result_is_filed_by_date_with_its_recipe_inside(library: Library) -> None:
    asset = record(library, enqueue(library, "狐狸 🦊"))
    assert asset.path.relative_to(library.root) == Path("2026-01-02/030405-狐狸-🦊-5.png")
    assert read_recipe(asset.path) == asset.recipe
    assert (asset.width, asset.height) == (6, 4)


def test_two_results_with_the_same_name_are_both_kept(library: Library) -> None:
    paths = {record(library, enqueue(library)).path for _ in range(3)}
    assert len(paths) == 3
    assert all(path.is_file() for path in paths)


def test_a_row_recorded_twice_keeps_the_first_file(library: Library) -> None:
    job = enqueue(library)
    first = record(library, job)
    assert record(library, job, content=png_bytes((9, 9))).path == first.path
    assert len(list(library.root.rglob("*.png"))) == 1


def test_results_go_directly_into_a_folder_of_the_user(library: Library, tmp_path: Path) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="hi", seed=3)], output=str(tmp_path / "out"))
    asset = record(library, job)
    assert asset.path == tmp_path / "out" / "hi-3.md"
    library.queue.finish(job.id, "done")
    assert [p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")] == [
        "hi-3.md"
    ]


@pytest.mark.parametrize("step", ["write_with_recipe", "place_file"])
def test_a_full_disk_leaves_no_partial_file_and_keeps_the_file_of_the_engine(
    library: Library, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    from studio.library import store
    from studio.library.recipes import metadata

    def full(*_: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    job = enqueue(library)
    owner = metadata if step == "write_with_recipe" else store
    monkeypatch.setattr(owner, step, full)
    with pytest.raises(ProblemError) as caught:
        record(library, job)
    assert caught.value.problem.kind == "disk_full"
    assert library.assets.recent() == []
    assert list(library.root.glob("2026*/*")) == []
    assert (library.work_dir(job) / "row-0.png").is_file()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_reported(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ProblemError, match="cannot be written to"):
        Library.open(tmp_path / "locked" / "library")


def test_a_file_in_place_of_the_library_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError, match="Choose"):
        Library.open(tmp_path / "file")


def test_a_rebuild_restores_files_stars_and_tags(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    assets = [record(library, enqueue(library, f"fox {n}")) for n in range(3)]
    library.marks.star([assets[1].id], True)
    library.marks.retag([assets[1].id], (), ["night", "狐"])
    library.close()
    for file in tmp_path.glob(f"{FILE_NAME}*"):
        file.unlink()
    library = Library.open(tmp_path)
    found = {asset.id: asset for asset in library.assets.recent()}
    assert set(found) == {asset.id for asset in assets}
    assert found[assets[1].id].starred
    assert set(found[assets[1].id].tags) == {"night", "狐"}
    library.close()


def test_a_moved_library_finds_its_files(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "old")
    asset = record(library, enqueue(library))
    library.close()
    shutil.move(tmp_path / "old", tmp_path / "新 place")
    library = Library.open(tmp_path / "新 place")
    moved = library.assets.get(asset.id)
    assert moved is not None and moved.path.is_file()
    library.close()


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_damaged_database_is_set_aside_and_rebuilt(tmp_path: Path, damage: bytes) -> None:
    library = Library.open(tmp_path)
    asset = record(library, enqueue(library))
    library.close()
    for file in tmp_path.glob(f"{FILE_NAME}*"):
        file.unlink()
    (tmp_path / FILE_NAME).write_bytes(damage)
    library = Library.open(tmp_path)
    assert library.notice is not None
    assert [found.id for found in library.assets.recent()] == [asset.id]
    assert [file.read_bytes() for file in tmp_path.glob("library.damaged-*")] == [damage]
    library.close()


def test_a_database_of_a_newer_version_without_a_column_is_not_touched(tmp_path: Path) -> None:
    import sqlite3

    Library.open(tmp_path).close()
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("ALTER TABLE jobs RENAME COLUMN output TO folder")
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    with pytest.raises(ProblemError, match="newer version"):
        Library.open(tmp_path)


def test_a_rebuild_drops_files_that_were_deleted_by_hand(library: Library) -> None:
    kept, gone = (record(library, enqueue(library)) for _ in range(2))
    gone.path.unlink()
    assert library.rebuild() == 1
    assert [asset.id for asset in library.assets.recent()] == [kept.id]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("fox", {"a red fox", "fox and hounds"}),
        ("fo", {"a red fox", "fox and hounds"}),
        ('"red fox"', {"a red fox"}),
        ("狐狸", {"一只红色的狐狸"}),
        ("狐", {"一只红色的狐狸"}),
        ("狸狐", set()),
        ("AND OR NOT (", set()),
        ("hounds fox", {"fox and hounds"}),
    ],
)
def test_search_finds_words_prefixes_phrases_and_chinese(
    library: Library, query: str, found: set[str]
) -> None:
    for prompt in ("a red fox", "fox and hounds", "一只红色的狐狸"):
        record(library, enqueue(library, prompt))
    assert {asset.prompt for asset in library.assets.find(AssetQuery(words=query))} == found


def test_an_upscaled_picture_names_its_source(library: Library) -> None:
    original = record(library, enqueue(library))
    (job,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(original.path)))])
    larger = record(library, job)
    assert larger.recipe.parents[0].asset == original.id


def test_upscaled_pictures_take_the_prompt_of_the_original(tmp_path: Path) -> None:
    root, photo = tmp_path / "library", tmp_path / "photo.png"
    photo.write_bytes(png_bytes())
    library = Library.open(root)
    original = record(library, enqueue(library, "一只 owl"))

    def enlarged(path: Path, content: bytes) -> Asset:
        (job,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(path)))])
        return record(library, job, content=content)

    larger = enlarged(original.path, png_bytes((20, 20)))
    largest = enlarged(larger.path, png_bytes((40, 40)))
    other = enlarged(photo, png_bytes((60, 60)))

    def check() -> None:
        called = {asset.id: asset.prompt for asset in library.assets.recent()}
        assert called == {asset.id: "一只 owl" for asset in (original, larger, largest)} | {
            other.id: "photo.png"
        }
        found = {asset.id for asset in library.assets.find(AssetQuery(words="一只 owl"))}
        assert found == {original.id, larger.id, largest.id}
        named = {asset.id for asset in library.assets.find(AssetQuery(words=larger.path.stem))}
        assert named == {larger.id, largest.id}

    check()
    library.close()
    for file in root.glob(f"{FILE_NAME}*"):
        file.unlink()
    # What was made from it is found before it.
    original.path.rename(original.path.with_name("zzz.png"))
    library = Library.open(root)
    check()
    library.close()


def test_a_film_is_listed_by_its_title_and_found_by_the_prompt_of_its_pictures(
    library: Library,
) -> None:
    original = record(library, enqueue(library, "一只 owl"))
    pictures = (InputFile(str(original.path)),)
    for title, listed in (("The night", "The night"), ("", f"{original.path.stem}-film")):
        (job,) = library.queue.enqueue([FilmRequest(pictures=pictures, title=title)])
        film = record(library, job)
        assert film.prompt == listed
        named = {asset.id for asset in library.assets.find(AssetQuery(words=listed))}
        assert film.id in named
        made_of = {asset.id for asset in library.assets.find(AssetQuery(words="owl"))}
        assert {film.id, original.id} <= made_of
    (job,) = library.queue.enqueue([VideoRequest(input=InputFile(str(film.path)), smooth=2)])
    assert record(library, job).prompt == film.prompt


def test_the_negative_prompt_of_an_image_is_searchable(library: Library) -> None:
    request = ImageRequest(prompt="fox", negative_prompt="blurry", seed=1)
    (job,) = library.queue.enqueue([request])
    found = read_recipe(record(library, job).path)
    assert found is not None and isinstance(found.request, ImageRequest)
    assert found.request.negative_prompt == "blurry"


def test_words_and_filters_are_combined(library: Library) -> None:
    starred, tagged, plain = (record(library, enqueue(library, f"fox {n}")) for n in range(3))
    (job,) = library.queue.enqueue([TextRequest(prompt="fox tale", seed=1)])
    tale = record(library, job)
    library.marks.star([starred.id], True)
    library.marks.retag([tagged.id], (), ["夜 Night"])
    ids = {asset.id for asset in (starred, tagged, plain, tale)}
    assert {asset.id for asset in library.assets.find(AssetQuery(words="fox"))} == ids
    assert [asset.id for asset in library.assets.find(AssetQuery(words="fox", starred=True))] == [
        starred.id
    ]
    assert [
        asset.id for asset in library.assets.find(AssetQuery(words="fox", tags=("夜 night",)))
    ] == [tagged.id]
    assert [asset.id for asset in library.assets.find(AssetQuery(words="fox", task="text"))] == [
        tale.id
    ]
    assert library.assets.find(AssetQuery(words="fox", model="tin")) == []
    assert {asset.id for asset in library.assets.find(AssetQuery(model="tiny"))} == ids
    assert library.assets.find(AssetQuery(words="taskimage")) == []


def test_results_of_the_same_second_are_listed_newest_first(library: Library) -> None:
    made = [record(library, enqueue(library)) for _ in range(4)]
    newest_first = [asset.id for asset in reversed(made)]
    assert [asset.id for asset in library.assets.recent()] == newest_first
    assert [
        asset.id for asset in library.assets.find(AssetQuery(words="fox"), limit=2, offset=1)
    ] == newest_first[1:3]


@pytest.mark.parametrize("where", ["", "out 图"])
def test_a_file_placed_just_before_a_crash_is_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from studio.library.index.asset_writer import AssetWriter

    def die(*_: object) -> object:
        raise KeyboardInterrupt

    root = tmp_path / "library"
    dead = Library.open(root)
    request = ImageRequest(prompt="a fox", seed=5, count=2)
    (job,) = dead.queue.enqueue(
        [request], output=str(tmp_path / where) if where else "", claim=True
    )
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(AssetWriter, "insert", die)
        record(dead, job, 1, created=datetime.now().astimezone().isoformat())
    dead._work.close()  # as the end of the process does it
    dead._lock.release()
    library = Library.open(root)
    (found,) = library.queue.interrupted()
    assert library.queue.missing_rows(found) == (0,)
    assert [asset.row for asset in library.assets.recent()] == [1]
    library.close()
    dead._database.close()


def test_partial_files_of_a_dead_process_are_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dead = Library.open(tmp_path / "library")
    request = TextRequest(prompt="x", seed=1)
    (job,) = dead.queue.enqueue([request], output=str(out), claim=True)
    (dead.work_dir(job) / "half.png").write_bytes(b"half")
    with dead._database.write() as db:  # and dies before it has cleaned up
        db.execute("UPDATE jobs SET status = 'done', owner = '' WHERE id = ?", (job.id,))
    for lock in dead._work._locks.values():
        lock.release()
    dead._lock.release()
    library = Library.open(tmp_path / "library")
    assert list(out.rglob("*")) == []
    assert list((tmp_path / "library").rglob("half.png")) == []
    library.close()
    dead._database.close()


def test_work_folders_are_made_while_other_processes_remove_stale_ones(tmp_path: Path) -> None:
    root, out = tmp_path / "library", tmp_path / "out"
    root.mkdir()
    out.mkdir()

    def work(_: int) -> None:
        for _ in range(100):
            work = WorkFolders(root)
            file = work.folder(out, "job") / "half"
            file.write_bytes(b"half")
            work.remove_stale(root)
            work.remove_stale(out)
            assert file.exists()
            work.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert [*root.iterdir(), *out.iterdir()] == []


def test_a_crash_while_work_folders_are_removed_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    root, out = tmp_path / "library", tmp_path / "out"
    StoredPaths(root).choose(out)
    for folder in (root, out):
        folder.mkdir()
    for name in ("rmtree", "unlink", "rmdir"):
        dead = WorkFolders(root)
        (dead.folder(out, "job") / "half").write_bytes(b"half")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(shutil if name == "rmtree" else Path, name, die)
            dead.close()
        for lock in dead._locks.values():
            lock.release()
        WorkFolders(root).remove_stale(root)
        assert [*root.iterdir(), *out.iterdir()] == [], name


def test_partial_files_of_a_running_process_are_kept(library: Library) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="x", seed=1)], claim=True)
    half = library.work_dir(job) / "half.png"
    half.write_bytes(b"half")
    other = Library.open(library.root)
    assert half.exists()
    assert library.queue.owns(job.id) and not other.queue.owns(job.id)
    assert other.queue.claimed_elsewhere([job.id]) == {job.id}
    assert library.queue.claimed_elsewhere([job.id]) == set()
    other.close()
    assert library.queue.get(job.id) == job


def test_nothing_is_saved_in_the_empty_mount_point_of_an_output_folder(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    is_mounted = True
    ismount = os.path.ismount
    monkeypatch.setattr(
        os.path, "ismount", lambda path: is_mounted if path == disk else ismount(path)
    )
    first, second = library.queue.enqueue(
        [TextRequest(prompt="x", seed=seed) for seed in range(2)], output=str(disk)
    )
    is_mounted = False
    for access in (library.work_dir, library.check_destination):
        with pytest.raises(ProblemError, match="Reconnect its disk"):
            access(second)
    with pytest.raises(ProblemError, match="Reconnect its disk"):
        library.queue.enqueue([TextRequest(prompt="x")], output=str(disk / "below"))
    assert list(disk.iterdir()) == []
    is_mounted = True
    assert record(library, first).path.parent == disk
    is_mounted = False  # and the folder is used without it
    assert record(library, second).path.parent == disk


def test_an_output_folder_whose_disk_is_gone_is_not_made_again(
    library: Library, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    (disk / "out").mkdir(parents=True)
    first, second = library.queue.enqueue(
        [TextRequest(prompt="x", seed=seed) for seed in range(2)], output=str(disk / "out")
    )
    assert record(library, first).path.parent == disk / "out"
    disk.rename(tmp_path / "unplugged")
    disk.mkdir()  # the empty mount point
    for access in (library.work_dir, library.check_destination):
        with pytest.raises(ProblemError, match="Reconnect its disk"):
            access(second)
    assert list(disk.iterdir()) == []
    disk.rmdir()
    (tmp_path / "unplugged").rename(disk)
    assert record(library, second).path.parent == disk / "out"


def test_a_result_with_the_name_of_a_deleted_one_is_recorded(
    library: Library, tmp_path: Path
) -> None:
    def made() -> Asset:
        request = ImageRequest(prompt="a fox", seed=5)
        (job,) = library.queue.enqueue([request], output=str(tmp_path / "out"))
        return record(library, job)

    first = made()
    first.path.unlink()
    second = made()
    assert second.path == first.path
    assert second.id != first.id
    assert [asset.id for asset in library.assets.find(AssetQuery())] == [second.id]
    assert library.assets.get(first.id) is None
