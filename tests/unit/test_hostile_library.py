"""A library folder that a stranger made reaches nothing outside of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.jobs.reproduce import reproduce_request
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.folder.marks_file import MARKS_FILE
from studio.library.folder.stored_paths import StoredPaths, is_plain, safe_name
from studio.library.index.database import FILE_NAME
from studio.library.recipes.export import export
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError
from studio.settings import Paths
from tests.ui.opened_files import needs_inotify, opened_files
from tests.unit.conftest import png_bytes, record


def _snapshot(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return everything below a folder with its times and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (
            status.st_mode,
            status.st_mtime_ns,
            status.st_ino,
            content,
        )
    return found


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = tmp_path / "private"
    (folder / ".tmp" / "studio-0123456789ab" / "work").mkdir(parents=True)
    (folder / ".tmp" / "studio-0123456789ab" / "work" / "kept").write_text("kept")
    (folder / ".tmp" / "studio-0123456789ab.lock").touch()
    (folder / "secret.png").write_bytes(png_bytes())
    (folder / "secret.md").write_text("a secret")
    (folder / "secret.lock").write_text("not a lock")
    return folder


@pytest.fixture
def hostile(tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a library with one result for each way out of it that is known."""
    root = tmp_path / "library"
    with monkeypatch.context() as patch:
        patch.setenv("STUDIO_HOME", str(tmp_path / "state of the stranger"))
        library = Library.open(root)
        (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5, count=20)], claim=True)
        for row in range(16):
            record(library, job, row)
        library.queue.finish(job.id, "done")
        library.queue.enqueue([TextRequest(prompt="waits", seed=1)] * 2, output=str(tmp_path / "x"))
        assets = library.assets.of_job(job.id)
        library.trash.put([asset.id for asset in assets[10:14]])
        library.close()
    places = (
        str(victim / "secret.png"),
        "../private/secret.png",
        "2026-01-02/../../private/secret.png",
        f"{root}/../private/secret.md",
        "linked/secret.png",
        "2026-01-02/link.png",
        "../private/nul\0.png",
        ".trash/../../private/secret.md",
        "x" * 300 + ".png",
        "x/" * 1500 + "x.png",
    )
    (root / "linked").symlink_to(victim, target_is_directory=True)
    (root / "2026-01-02" / "link.png").symlink_to(victim / "secret.png")
    (root / "2026-01-02" / "unknown.md").symlink_to(victim / "secret.md")
    (root / "2026-12-31").symlink_to(victim, target_is_directory=True)
    library = Library.open(root)
    with library._database.write() as db:
        for place, asset in zip(places, assets, strict=False):
            db.execute("UPDATE assets SET path = ? WHERE id = ?", (place, asset.id))
        db.execute("UPDATE assets SET trashed_at = 1 WHERE id = ?", (assets[7].id,))
        db.execute("PRAGMA defer_foreign_keys = ON")
        db.execute(
            "UPDATE assets SET id = '../../private/gone' WHERE id = ?",
            (assets[14].id,),
        )
        db.execute(
            "UPDATE job_rows SET asset = '../../private/gone' WHERE asset = ?", (assets[14].id,)
        )
        steps = [
            {"marks": {"asset": assets[15].id}, "source": source, "target": target, **deleted}
            for source, target, deleted in (
                (str(victim / "secret.md"), "", {"is_deleted": True}),
                ("2026-12-31/secret.md", "", {"is_deleted": True}),
                (str(victim / "secret.md"), ".trash/taken.md", {}),
                ("../private/secret.png", ".trash/taken.png", {}),
                (".trash/x.png", str(victim / "put.png"), {}),
                ("linked/secret.png", "2026-01-02/taken.png", {}),
            )
        ]
        db.execute(
            "INSERT OR REPLACE INTO state (key, value) VALUES ('pending_change', ?)",
            (json.dumps(steps),),
        )
        db.execute("UPDATE jobs SET output = ? WHERE output != ''", (str(victim),))
        db.execute(
            "UPDATE jobs SET status = 'running', started = created, owner = ?, id = ? "
            "WHERE number = (SELECT max(number) FROM jobs)",
            (f"/../../../{victim.name}/secret", f"../../../{victim.name}"),
        )
    library.close()
    work = root / ".tmp" / "studio-abcdefabcdef"
    work.mkdir(parents=True)
    (work / "places").write_bytes(os.fsencode(victim) + b"\0")
    (root / ".tmp" / "studio-abcdefabcdef.lock").touch()
    (root / ".tmp" / "studio-bcdefabcdefa.lock").symlink_to(victim / "secret.lock")
    (root / ".tmp" / "studio-bcdefabcdefa").symlink_to(victim, target_is_directory=True)
    origins = (
        f"{victim}/restored.png",
        "../private/restored.png",
        "linked/restored.png",
        "marks.jsonl/../../private/restored.png",
    )
    with (root / MARKS_FILE).open("a") as file:
        for asset, origin in zip(assets[10:14], origins, strict=True):
            line = {"asset": asset.id, "trashed_at": 1.0, "origin": origin}
            file.write(json.dumps(line) + "\n")
    shutil.rmtree(tmp_path / "state of the stranger")
    yield root


@needs_inotify
def test_a_strangers_library_neither_reads_nor_changes_anything_outside(
    hostile: Path, victim: Path, tmp_path: Path, paths: Paths
) -> None:
    before = _snapshot(victim)
    outside = [victim, victim / ".tmp"]
    with opened_files(victim) as opened, opened_files(outside[1]) as opened_below:
        library = Library.open(hostile)
        listed = library.assets.recent(limit=100)
        assert len(listed) >= 9
        for asset in [*listed, *library.trash.list()]:
            assert not asset.path.is_relative_to(victim)
            if asset.path.is_file():
                assert asset.path.resolve().is_relative_to(hostile)
        for asset in listed:
            try:
                export([asset], tmp_path / "copies")
                reproduce_request(asset, library, Registry(paths))
            except ProblemError:
                continue
        restored = library.trash.restore([asset.id for asset in library.trash.list()[:4]])
        assert len(restored) == 4
        assert all(asset.path.parent == hostile / "2026-01-02" for asset in restored)
        for job in library.queue.list():
            if job.output:
                for use in (library.work_dir, library.check_destination):
                    with pytest.raises(ProblemError, match="not chosen on this computer"):
                        use(job)
                library.queue.finish(job.id, "done")
        library.rebuild()
        library.trash.put([asset.id for asset in library.assets.recent(limit=100)])
        library.trash.empty()
        library.close()
        Library.open(hostile).close()
    assert (opened, opened_below) == ([], [])
    assert _snapshot(victim) == before


def test_a_result_is_restored_into_a_library_that_was_moved(tmp_path: Path) -> None:
    old = tmp_path / "old"
    library = Library.open(old)
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5)], claim=True)
    asset = record(library, job)
    library.trash.put([asset.id])
    library.close()
    # As earlier versions wrote it.
    with (old / MARKS_FILE).open("a") as file:
        line = {"asset": asset.id, "trashed_at": 1.0, "origin": str(asset.path)}
        file.write(json.dumps(line) + "\n")
    old.rename(tmp_path / "new")
    library = Library.open(tmp_path / "new")
    (back,) = library.trash.restore([asset.id])
    assert back.path == tmp_path / "new" / asset.path.relative_to(old)
    assert not old.exists()
    library.close()


def test_a_date_folder_that_leads_outside_takes_no_results(tmp_path: Path) -> None:
    root, outside = tmp_path / "library", tmp_path / "outside"
    outside.mkdir()
    library = Library.open(root)
    (root / "2026-01-02").symlink_to(outside, target_is_directory=True)
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5)], claim=True)
    with pytest.raises(ProblemError, match="leads out of the library"):
        record(library, job)
    assert list(outside.iterdir()) == []
    library.close()


@pytest.mark.parametrize("name", [MARKS_FILE, FILE_NAME, ".tmp", ".trash", ".queue.lock"])
def test_a_library_whose_own_files_lead_outside_is_not_opened(tmp_path: Path, name: str) -> None:
    root, target = tmp_path / "library", tmp_path / "outside"
    root.mkdir()
    target.write_text("mine")
    (root / name).symlink_to(target)
    with pytest.raises(ProblemError, match=f"{name} in the library"):
        Library.open(root)
    assert target.read_text() == "mine"


def test_the_folder_of_a_library_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    library = Library.open(tmp_path / "link")
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5)], claim=True)
    asset = record(library, job)
    assert asset.path.is_relative_to(tmp_path / "link")
    library.trash.put([asset.id])
    assert library.trash.restore([asset.id])[0].path == asset.path
    library.close()


def test_of_a_result_that_became_a_link_only_the_link_is_moved_and_deleted(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5)], claim=True)
    asset = record(library, job)
    target = tmp_path / "elsewhere.png"
    asset.path.rename(target)
    asset.path.symlink_to(target)
    assert not library.assets.recent()[0].path.exists()
    library.trash.put([asset.id])
    assert not asset.path.is_symlink()
    assert [path.is_symlink() for path in (library.root / ".trash").iterdir()] == [True]
    library.trash.empty()
    assert list((library.root / ".trash").iterdir()) == []
    assert target.is_file()
    library.close()


def test_results_in_a_folder_that_the_user_chose_stay_reachable(tmp_path: Path) -> None:
    root, out = tmp_path / "library", tmp_path / "out" / ".." / "out"
    library = Library.open(root)
    (job,) = library.queue.enqueue(
        [ImageRequest(prompt="a fox", seed=5)], output=str(out), claim=True
    )
    asset = record(library, job)
    library.close()
    library = Library.open(root)
    (found,) = library.assets.recent()
    assert found.path == asset.path
    assert found.path.is_file()
    assert library.trash.put([asset.id]) == [asset.id]
    assert library.trash.restore([asset.id])[0].path == asset.path
    library.close()


@pytest.mark.parametrize(
    "stored",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "a/../../b",
        "a/..",
        "nul\0.png",
        "x" * 300,
        "狐" * 90,
        "x/" * 1500 + "x.png",
        "\ud800.png",
    ],
)
def test_a_stored_path_that_leads_out_is_refused(tmp_path: Path, stored: str) -> None:
    paths = StoredPaths(tmp_path)
    assert paths.resolve(stored) is None
    assert not paths.shown(stored).exists()
    assert paths.writable(stored) is None


@pytest.mark.parametrize(
    "stored",
    [
        "C:x.png",
        "C:\\x.png",
        "\\\\host\\share\\x.png",
        "//host/share/x.png",
        "\\\\?\\C:\\x.png",
        "..\\x.png",
        "2026\\..\\..\\x.png",
        "con",
        "AUX.png",
        "2026/nul.txt",
        "com1 .png",
        "x.png:stream",
        "x.png.",
        "x.png ",
    ],
)
def test_a_stored_path_with_another_meaning_on_windows_is_refused_there(stored: str) -> None:
    assert not is_plain(stored, windows=True)


@pytest.mark.parametrize(
    "stored", ["2026-01-02/a fox-5.png", ".trash/x.md", "mine/狐.png", "con-x"]
)
def test_a_plain_stored_path_is_accepted(stored: str) -> None:
    assert is_plain(stored, windows=True)
    assert is_plain(stored, windows=False)


@pytest.mark.parametrize("name", ["../../x", "", "a/b", "x" * 300, "狐", "..", "con.x"])
def test_an_id_from_a_file_is_a_file_name(name: str) -> None:
    assert safe_name(name).isalnum()
    assert len(safe_name(name)) <= 64
