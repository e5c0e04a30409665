"""The disk of the library is unplugged: nothing is made anew in its empty mount point."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.store import Library
from studio.protocol import ProblemError
from studio.serve.uploads import uploaded
from studio.settings import default_paths
from studio.ui.workspaces.image.mask.mask_file import save_mask
from studio.ui.workspaces.text.conversation_files import ConversationFiles
from tests.unit.conftest import enqueue, png_bytes, recipe_for, record


class Disk:
    """A folder that is renamed away; an empty one, the mount point, is left."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._away = place.with_name(f"{place.name} away")

    def unplug(self, *, keep_mount_point: bool = True) -> None:
        self.place.rename(self._away)
        if keep_mount_point:
            self.place.mkdir()

    def plug_in(self) -> None:
        if self.place.exists():
            self.place.rmdir()
        self._away.rename(self.place)


Change = Callable[[Library, str, str], object]


def upload(library: Library, *, keeps: bool) -> None:
    with uploaded(library.root, {"input": png_bytes()}, keeps=keeps):
        pass


CHANGES: dict[str, Change] = {
    "enqueue": lambda library, _1, _2: enqueue(library),
    "claim": lambda library, _1, _2: library.queue.enqueue([enqueue(library).request], claim=True),
    "star": lambda library, kept, _: library.marks.star([kept], True),
    "trash": lambda library, kept, _: library.trash.put([kept]),
    "restore": lambda library, _, deleted: library.trash.restore([deleted]),
    "empty": lambda library, _1, _2: library.trash.empty(),
    "rebuild": lambda library, _1, _2: library.rebuild(),
    "upload": lambda library, _1, _2: upload(library, keeps=True),
    "passing upload": lambda library, _1, _2: upload(library, keeps=False),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("keep_mount_point", [True, False])
def test_a_change_of_a_library_that_is_away_fails_and_leaves_nothing(
    library: Library, name: str, keep_mount_point: bool
) -> None:
    kept, deleted = (record(library, enqueue(library, f"fox {n}")) for n in range(2))
    library.trash.put([deleted.id])
    disk = Disk(library.root)
    disk.unplug(keep_mount_point=keep_mount_point)
    with pytest.raises(ProblemError, match=r"no longer there|is not there|was moved away"):
        CHANGES[name](library, kept.id, deleted.id)
    assert not disk.place.exists() or list(disk.place.iterdir()) == []
    disk.plug_in()
    assert library.check() == []
    assert [asset.id for asset in library.assets.recent()] == [kept.id]
    assert [asset.id for asset in library.trash.list()] == [deleted.id]
    CHANGES[name](library, kept.id, deleted.id)
    assert library.check() == []


def test_what_only_reads_or_ends_leaves_nothing(library: Library) -> None:
    job = enqueue(library)
    folder = library.work_dir(job)
    (folder / "row.png").write_bytes(png_bytes())
    disk = Disk(library.root)
    disk.unplug()
    for step in (
        lambda: library.check(),
        lambda: library.claim_queue(),
        lambda: library.next_job(),
        lambda: library.release_dead(),
        lambda: library.work_dir(job),
        lambda: library.check_destination(job),
        lambda: library.record_asset(job, 0, folder / "row.png", recipe_for(job.request)),
        lambda: library.close(),
    ):
        with contextlib.suppress(ProblemError):
            step()
        assert list(disk.place.iterdir()) == []


@pytest.mark.parametrize("keep_mount_point", [True, False])
def test_no_new_library_is_made_in_its_place(library: Library, keep_mount_point: bool) -> None:
    root, kept = library.root, record(library, enqueue(library))
    library.close()
    disk = Disk(root)
    disk.unplug(keep_mount_point=keep_mount_point)
    steps: tuple[Callable[[], object], ...] = (
        lambda: Library.open(root),
        lambda: ConversationFiles(root).save("a", b"{}"),
        lambda: save_mask(QImage(8, 8, QImage.Format.Format_Grayscale8), root),
    )
    for step in steps:
        with pytest.raises(ProblemError, match="Connect its disk"):
            step()
        assert not root.exists() or list(root.iterdir()) == []
    disk.plug_in()
    opened = Library.open(root)
    assert opened.assets.get(kept.id) is not None
    ConversationFiles(root).save("a", b"{}")
    opened.close()


def test_a_folder_that_is_chosen_again_gets_a_new_library(library: Library) -> None:
    root = library.root
    library.close()
    Disk(root).unplug()
    chosen = ChosenFolders(default_paths().chosen_folders)
    chosen.choose_library(root)
    Library.open(root).close()
    assert chosen.had_library(root)
    shutil.rmtree(root)
    root.mkdir()
    with pytest.raises(ProblemError, match="choose it again"):
        Library.open(root)


def test_the_default_library_is_made_anew_if_it_was_deleted() -> None:
    root = default_paths().library
    for _ in range(2):
        Library.open(root).close()
        shutil.rmtree(root)


def test_a_running_job_writes_nothing_to_a_folder_that_took_the_place_of_its_own(
    library: Library, tmp_path: Path
) -> None:
    # Not known as a disk: a network drive, or the folder was renamed.
    disk = Disk(tmp_path / "out")
    request = enqueue(library).request
    first, second = library.queue.enqueue([request] * 2, output=str(disk.place))
    library.work_dir(second)
    record(library, first)
    disk.unplug()
    for _ in range(2):
        with pytest.raises(ProblemError, match="Reconnect its disk"):
            record(library, second)
    assert list(disk.place.iterdir()) == []
    disk.plug_in()
    assert record(library, second).path.parent == disk.place
