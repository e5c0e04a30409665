"""A library on a disk that is write-protected or full can be read; nothing more is claimed."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME
from studio.library.index.search import AssetQuery
from studio.library.records import Asset
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.e2e.conftest import CommandResult
from tests.unit.conftest import enqueue, record

Studio = Callable[..., CommandResult]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, where mounting is permitted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.run(mount).returncode:
        pytest.skip("nothing may be mounted here, and permissions do not bind root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def protect(disk: Path, state: str) -> None:
    """Make the file system read-only, or fill it to the last byte."""
    if state == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        return
    with (disk / "rest").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


@pytest.fixture(params=["read-only", "full"])
def library(
    request: pytest.FixtureRequest, disk: Path, environment: dict[str, str]
) -> tuple[Path, Asset]:
    """A library with a result and a waiting job, in which nothing can be written any more."""
    root = disk / "图库"
    opened = Library.open(root)
    done, _ = opened.queue.enqueue([TextRequest(prompt=f"狐狸 {n}", seed=n) for n in range(2)])
    asset = record(opened, opened.queue.start(done))
    opened.queue.finish(done.id, "done")
    opened.close()
    home = Path(environment["STUDIO_HOME"])
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text(json.dumps({"library": str(root)}), "utf-8")
    protect(disk, request.param)
    return root, asset


def test_a_library_that_cannot_be_written_is_searched_shown_and_exported(
    studio: Studio, library: tuple[Path, Asset], tmp_path: Path
) -> None:
    root, asset = library
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.*") if path.is_file()}
    out = tmp_path / "out"
    for arguments, expected in (
        (("library", "search", "狐狸"), asset.id),
        (("library", "show", asset.id), "狐狸 0"),
        (("library", "export", asset.id, out), "狐狸"),
        (("queue", "list"), "狐狸 1"),
    ):
        ran = studio(*arguments)
        assert (ran.status, expected in ran.out) == (0, True), (arguments, ran.err)
        assert ran.err.count("open for reading only") == 1
        assert "Traceback" not in ran.err
    assert [path.read_bytes() for path in out.glob("*.md")] == [asset.path.read_bytes()]
    for arguments in (("text", "-p", "x"), ("queue", "pause"), ("queue", "resume")):
        ran = studio(*arguments, fake="plain")
        assert ran.status == 2
        assert "cannot be written to" in ran.err or "is full" in ran.err
        assert "Traceback" not in ran.err
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_nothing_is_claimed_to_be_saved_in_a_library_that_cannot_be_written(
    library: tuple[Path, Asset],
) -> None:
    root, asset = library
    opened = Library.open(root)
    try:
        assert opened.is_read_only and not opened.is_owner
        assert opened.next_job() is None
        for change in (
            lambda: opened.queue.enqueue([TextRequest(prompt="x", seed=1)]),
            lambda: opened.queue.set_paused(True),
            lambda: opened.marks.star([asset.id], True),
            lambda: opened.trash.put([asset.id]),
            opened.rebuild,
        ):
            with pytest.raises(ProblemError):
                change()
        assert opened.assets.recent() == [asset]
        assert not opened.queue.is_paused
    finally:
        opened.close()


def _times(root: Path) -> dict[Path, int]:
    """Return when each file but index and locks was written: a full disk lets them be renamed."""
    files = (path for path in root.rglob("*.*") if path.is_file())
    return {
        path: path.stat().st_mtime_ns
        for path in files
        if not path.name.startswith((".", "library."))
    }


def _removed(index: Path) -> None:
    index.unlink()


def _zeroed(index: Path) -> None:
    data = index.read_bytes()
    index.write_bytes(data[:8_192] + bytes(len(data) - 8_192))


def _truncated(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:5_000])


def _of_an_older_version(index: Path) -> None:
    with contextlib.closing(sqlite3.connect(index)) as db, db:
        db.execute("DROP TRIGGER asset_changed")
        db.execute("DROP TRIGGER content_changed")
        db.execute("ALTER TABLE contents DROP COLUMN checksum")
        db.execute("PRAGMA user_version = 4")


def _put_back(index: Path) -> None:
    """Put in the index as it was before the last result and job."""
    now = index.read_bytes()
    library = Library.open(index.parent)
    done, _ = library.queue.enqueue([TextRequest(prompt=f"late {n}", seed=n) for n in range(2)])
    record(library, library.queue.start(done))
    library.queue.finish(done.id, "done")
    library.close()
    index.write_bytes(now)


@pytest.mark.parametrize("state", ["read-only", "full"])
@pytest.mark.parametrize("spoil", [_removed, _zeroed, _truncated, _of_an_older_version, _put_back])
def test_an_index_that_cannot_be_used_where_nothing_can_be_written_is_made_elsewhere(
    disk: Path,
    spoil: Callable[[Path], None],
    state: str,
    studio: Studio,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places))
    root = disk / "library"
    opened = Library.open(root)
    assets = [record(opened, enqueue(opened, f"fox {n}")) for n in range(2)]
    for job in opened.queue.list("queued"):
        opened.queue.finish(opened.queue.start(job).id, "done")
    opened.marks.star([assets[0].id], True)
    waits = enqueue(opened, "waits")
    opened.close()
    spoil(root / FILE_NAME)
    protect(disk, state)
    files = _times(root)

    opened = Library.open(root)
    try:
        assert opened.is_read_only and not opened.is_owner
        late = spoil is _put_back
        found = opened.assets.find(AssetQuery(words="fox"))
        assert {asset.id: asset.starred for asset in found} == {
            assets[0].id: True,
            assets[1].id: False,
        }
        assert opened.assets.count() == 2 + late
        waiting = opened.queue.list("queued")
        assert waiting[0].id == waits.id and len(waiting) == 1 + late
        with pytest.raises(ProblemError):
            opened.marks.star([assets[1].id], True)
        with pytest.raises(ProblemError):
            opened.rebuild()
        assert opened.check() == []
    finally:
        opened.close()
    assert list(places.iterdir()) == []
    home = Path(environment["STUDIO_HOME"])
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text(json.dumps({"library": str(root)}), "utf-8")
    ran = studio("library", "check")
    assert ran.status == 0, ran.err
    assert "open for reading only" in ran.err
    assert _times(root) == files
