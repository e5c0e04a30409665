"""`studio library check` finds what a rebuild mends, and nothing in a library that is whole."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.cli.main import run
from studio.library.curation.changes import TRASH_FOLDER
from studio.library.folder.marks_file import Marks, append_marks
from studio.library.index.database import FILE_NAME
from studio.library.queue.journal import JOURNAL_FILE
from studio.library.store import Library
from tests.unit.conftest import enqueue, png_bytes, record

Damage = Callable[[Library], object]


def sql(statement: str) -> Damage:
    def damage(library: Library) -> None:
        with contextlib.closing(sqlite3.connect(library.root / FILE_NAME)) as db, db:
            db.execute(statement)

    return damage


def first(library: Library) -> Path:
    return min(library.root.glob("2*/*.png"))


DAMAGES: dict[str, Damage] = {
    "missing_file": lambda library: first(library).unlink(),
    "not_listed": sql("DELETE FROM assets WHERE trashed_at IS NULL"),
    "changed_file": lambda library: first(library).write_bytes(first(library).read_bytes() + b"x"),
    "marks": lambda library: append_marks(
        library.root, *(Marks(asset.id, tags=("x",)) for asset in library.assets.recent())
    ),
    "trash": lambda library: append_marks(library.root, Marks(library.trash.list()[0].id)),
    "search": sql("DELETE FROM words"),
    "unknown_result": sql("DELETE FROM job_rows"),
}
UNMENDED: dict[str, Damage] = {
    "unread_file": lambda library: first(library).write_bytes(png_bytes()),
    "unfinished_job": sql("UPDATE jobs SET status = 'done', count = 5 WHERE status = 'queued'"),
    "queue": lambda library: (library.root / JOURNAL_FILE).write_bytes(b""),
}


@pytest.fixture
def whole(library: Library) -> Library:
    for n in range(3):
        job = enqueue(library, f"fox {n}")
        record(library, job)
        library.queue.finish(job.id, "done")
    ids = [asset.id for asset in library.assets.recent()]
    library.marks.star(ids[:2], True)
    library.trash.put(ids[2:])
    enqueue(library, "waits")
    shutil.copy(first(library), library.root / "copy.png")
    library.rebuild()
    assert library.check() == []
    return library


@pytest.mark.parametrize("kind", [*DAMAGES, *UNMENDED])
def test_what_is_wrong_is_found_and_what_a_rebuild_mends_is_mended(
    whole: Library, kind: str
) -> None:
    (DAMAGES | UNMENDED)[kind](whole)
    found = whole.check()
    assert kind in {one.kind for one in found}
    assert all(str(one.message) and one.subject for one in found)
    whole.rebuild()
    mended = {one.kind for one in found if one.is_mended_by_rebuild}
    assert (kind in mended) == (kind in DAMAGES)
    assert mended.isdisjoint(one.kind for one in whole.check())


def test_a_file_moved_out_of_the_trash_by_hand_is_a_result_again(whole: Library) -> None:
    (trashed,) = whole.trash.list()
    assert trashed.path.parent.name == TRASH_FOLDER
    trashed.path.rename(whole.root / "back.png")
    assert whole.check()
    whole.rebuild()
    assert whole.check() == []
    assert whole.root / "back.png" in {asset.path for asset in whole.assets.recent()}


def test_the_command_says_by_its_status_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))

    def studio(*arguments: str) -> int:
        return run(arguments, lambda: 0)

    root = tmp_path / "library"
    assert studio("library", "check") == 2
    assert "There is no library" in capsys.readouterr().err
    assert not (root / FILE_NAME).exists()
    library = Library.open(root)
    asset = record(library, enqueue(library))
    library.close()
    assert studio("library", "check") == 0
    assert "agree" in capsys.readouterr().out
    asset.path.unlink()
    assert studio("library", "check") == 1
    said = capsys.readouterr()
    assert asset.path.name in said.out and "1 of 1 would be mended" in said.err
    assert studio("library", "check", "--json") == 1
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["kind"], line["mended_by_rebuild"]) == ("missing_file", True)
