"""Deleted results can be restored, also after a restart and a lost database."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from pathlib import Path

import msgspec
import pytest

from studio.kinds.text import TextRequest
from studio.library.curation import changes
from studio.library.curation.changes import Step
from studio.library.folder.file_placing import place_file
from studio.library.folder.marks_file import Marks
from studio.library.index.database import FILE_NAME
from studio.library.index.search import AssetQuery
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.unit.conftest import enqueue, record


def test_a_deleted_result_is_hidden_and_restored_to_its_place(library: Library) -> None:
    kept, gone = (record(library, enqueue(library, f"fox {n}")) for n in range(2))
    assert library.trash.put([gone.id]) == [gone.id]
    assert [asset.id for asset in library.assets.recent()] == [kept.id]
    assert library.assets.find(AssetQuery(words="fox")) == [kept]
    assert not gone.path.exists()
    (back,) = library.trash.restore([gone.id])
    assert back == gone
    assert gone.path.is_file()


def test_restoring_does_not_overwrite_a_file_of_the_same_name(library: Library) -> None:
    gone = record(library, enqueue(library))
    content = gone.path.read_bytes()
    library.trash.put([gone.id])
    gone.path.write_bytes(b"somebody else's")
    (back,) = library.trash.restore([gone.id])
    assert (back.path.read_bytes(), gone.path.read_bytes()) == (content, b"somebody else's")


def test_the_trash_can_be_restored_after_the_database_is_lost(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    gone = record(library, enqueue(library))
    library.marks.retag([gone.id], (), ["keep"])
    library.trash.put([gone.id])
    library.close()
    for file in tmp_path.glob(f"{FILE_NAME}*"):
        file.unlink()
    library = Library.open(tmp_path)
    library.rebuild()
    assert library.assets.recent() == []
    assert [asset.id for asset in library.trash.list()] == [gone.id]
    (back,) = library.trash.restore([gone.id])
    assert (back.path, back.tags) == (gone.path, ("keep",))
    library.close()


def test_emptying_the_trash_deletes_only_what_is_in_it(library: Library) -> None:
    kept, gone = (record(library, enqueue(library)) for _ in range(2))
    library.trash.put([gone.id])
    assert library.trash.empty() == 1
    assert library.trash.list() == []
    assert list((library.root / ".trash").iterdir()) == []
    assert kept.path.is_file()
    assert library.rebuild() == 1


def test_a_deleted_row_is_not_generated_again(library: Library) -> None:
    job = enqueue(library, count=2)
    library.trash.put([record(library, job).id])
    assert library.queue.missing_rows(job) == (1,)


def test_a_result_outside_the_library_can_be_trashed_too(library: Library, tmp_path: Path) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="hi", seed=1)], output=str(tmp_path / "out"))
    asset = record(library, job)
    library.trash.put([asset.id])
    assert not asset.path.exists()
    assert library.trash.restore([asset.id])[0].path == asset.path


def test_restoring_a_file_that_is_gone_is_refused(library: Library) -> None:
    asset = record(library, enqueue(library))
    library.trash.put([asset.id])
    library.trash.list()[0].path.unlink()
    with pytest.raises(ProblemError, match="no longer in the trash"):
        library.trash.restore([asset.id])


def test_deleting_a_deleted_or_unknown_result_changes_nothing(library: Library) -> None:
    asset = record(library, enqueue(library))
    library.trash.put([asset.id])
    assert library.trash.put([asset.id, "nobody"]) == []


def test_a_change_of_a_stranger_is_completed_only_within_the_library(
    library: Library, tmp_path: Path
) -> None:
    kept, gone = (record(library, enqueue(library, f"fox {n}")) for n in range(2))
    mine, target = tmp_path / "mine.png", tmp_path / "new.png"
    mine.write_bytes(b"mine")
    stored = gone.path.relative_to(library.root).as_posix()
    for step in (
        Step(Marks(gone.id), str(mine), is_deleted=True),
        Step(Marks(gone.id), "../mine.png", is_deleted=True),
        Step(Marks(gone.id), stored, is_deleted=True),
        Step(Marks(gone.id, trashed_at=1.0), str(mine), ".trash/x.png"),
        Step(Marks(gone.id), stored, str(target)),
        Step(Marks(gone.id), stored, "../new.png"),
        Step(Marks(gone.id), stored, ".changes.lock"),
        Step(Marks(gone.id), stored, "library.db"),
    ):
        with contextlib.closing(sqlite3.connect(library.root / FILE_NAME)) as db, db:
            db.execute(
                "INSERT INTO state VALUES ('pending_change', ?)",
                (msgspec.json.encode([step]).decode(),),
            )
        Library.open(library.root, run_queue=False).close()
        assert (mine.read_bytes(), target.exists()) == (b"mine", False)
        assert gone.path.is_file()
        assert library.assets.recent() == [gone, kept]
    assert library.check() == []


def test_a_failed_move_of_several_records_those_that_were_moved(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (record(library, enqueue(library, f"fox {n}")) for n in range(3))
    plain = place_file

    def failing(source: Path, target: Path) -> Path:
        if source == second.path:
            raise OSError(errno.EIO, "Input/output error")
        return plain(source, target)

    monkeypatch.setattr(changes, "place_file", failing)
    with pytest.raises(ProblemError):
        library.trash.put([first.id, second.id, third.id])
    assert [asset.id for asset in library.trash.list()] == [first.id]
    assert library.check() == []
