"""Results on a disk that is unplugged: never forgotten, never hidden below its mount point."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.unit.conftest import enqueue, record


class Disk:
    """A folder that counts as the mount point of a disk."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        self._away = place.with_name("away")
        self._is_mounted = True
        place.mkdir()
        ismount = os.path.ismount

        def mounted(path: str | Path) -> bool:
            return self._is_mounted if Path(path) == place else ismount(path)

        monkeypatch.setattr(os.path, "ismount", mounted)

    def unplug(self, *, keep_mount_point: bool = True) -> None:
        self.place.rename(self._away)
        self._is_mounted = False
        if keep_mount_point:
            self.place.mkdir()

    def plug_in(self) -> None:
        if self.place.exists():
            self.place.rmdir()
        self._away.rename(self.place)
        self._is_mounted = True


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / "disk", monkeypatch)


def enqueue_outside(library: Library, folder: Path) -> Job:
    return library.queue.enqueue([enqueue(library).request], output=str(folder))[0]


@pytest.fixture
def outside(library: Library, disk: Disk) -> Asset:
    """A result on the disk, starred."""
    asset = record(library, enqueue_outside(library, disk.place / "out"))
    library.marks.star([asset.id], True)
    return asset


@pytest.mark.parametrize("keep_mount_point", [True, False])
def test_a_rebuild_keeps_what_is_on_a_disk_that_is_away_and_says_so(
    library: Library, disk: Disk, outside: Asset, keep_mount_point: bool
) -> None:
    disk.unplug(keep_mount_point=keep_mount_point)
    assert library.rebuild() == 1
    assert [file.path for file in library.unread] == [outside.path.parent]
    assert [found.kind for found in library.check()] == ["unread_file"]
    kept = library.assets.get(outside.id)
    assert kept is not None and kept.path == outside.path and kept.starred
    disk.plug_in()
    assert library.check() == []
    assert library.rebuild() == 1 and library.unread == ()


def test_an_index_that_is_lost_meanwhile_finds_them_when_the_disk_is_back(
    library: Library, disk: Disk, outside: Asset
) -> None:
    root = library.root
    library.close()
    disk.unplug()
    (root / "library.db").unlink()
    opened = Library.open(root)
    assert opened.notice is not None and "could not be read: 1" in str(opened.notice.message)
    opened.close()
    disk.plug_in()
    opened = Library.open(root)
    found = opened.assets.get(outside.id)
    assert found is not None and found.path == outside.path and found.starred
    assert opened.check() == []
    opened.close()


def test_a_folder_that_was_deleted_is_forgotten_by_a_rebuild(
    library: Library, disk: Disk, outside: Asset
) -> None:
    outside.path.unlink()
    outside.path.parent.rename(disk.place / "renamed")
    assert library.rebuild() == 0
    assert library.unread == () and library.check() == []


def test_nothing_is_moved_to_or_from_a_disk_that_is_away(
    library: Library, disk: Disk, outside: Asset
) -> None:
    other = record(library, enqueue_outside(library, disk.place / "out"))
    library.trash.put([other.id])
    disk.unplug()
    for change, asset in ((library.trash.put, outside), (library.trash.restore, other)):
        with pytest.raises(ProblemError, match="not there at the moment"):
            change([asset.id])
    assert [asset.id for asset in library.trash.list()] == [other.id]
    assert list(disk.place.iterdir()) == []
    disk.plug_in()
    library.trash.restore([other.id])
    library.trash.put([outside.id])
    assert library.check() == []


def test_a_result_deleted_while_its_folder_had_another_name_can_be_restored(
    library: Library, outside: Asset
) -> None:
    folder = outside.path.parent
    renamed = folder.rename(folder.with_name("renamed"))
    library.trash.put([outside.id])
    with pytest.raises(ProblemError, match="no longer in the trash"):
        library.trash.restore([outside.id])
    renamed.rename(folder)
    assert [asset.path for asset in library.trash.restore([outside.id])] == [outside.path]
    assert library.check() == []


@pytest.mark.parametrize("moment", ["before it is written", "after it is written"])
def test_a_result_that_is_finished_after_its_disk_went_makes_no_folders_there(
    library: Library, disk: Disk, moment: str
) -> None:
    job = enqueue_outside(library, disk.place / "out")
    record(library, enqueue_outside(library, disk.place / "out"))
    folder = library.work_dir(job)
    if moment == "after it is written":
        (folder / "row.png").write_bytes(b"picture")
    disk.unplug()
    with pytest.raises(ProblemError, match="no longer there"):
        record(library, job)
    assert list(disk.place.iterdir()) == []
