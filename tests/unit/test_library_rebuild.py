"""A rebuild makes the whole index anew: no file, no other process and no crash can spoil it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.cli.folders import output_folder
from studio.kinds.coding import to_json
from studio.kinds.image import ImageRequest
from studio.library.curation.changes import TRASH_FOLDER
from studio.library.folder.marks_file import MARKS_FILE, Marks, append_marks, read_marks
from studio.library.folder.output_list import OUTPUTS_FILE
from studio.library.index.asset_writer import FinishedFile
from studio.library.index.database import FILE_NAME
from studio.library.records import Asset
from studio.library.recovery import rebuild
from studio.library.recovery.result_files import UnreadFile, read_result
from studio.library.store import Library
from tests.unit.conftest import enqueue, png_bytes, recipe_for, record


def without_index(root: Path) -> Library:
    for file in root.glob(f"{FILE_NAME}*"):
        file.unlink()
    return Library.open(root)


def recipe_text(**changed: object) -> str:
    recipe = json.loads(to_json(recipe_for(ImageRequest(prompt="odd", seed=1))))
    return json.dumps(recipe | changed)


def note(recipe: str, text: str = "An answer.") -> str:
    return f"---\nprompt_studio: {recipe}\n---\n\n{text}\n"


STORED = {
    "row": note(recipe_text(row=2**63)),
    "rows": note(recipe_text(row=2**64 - 1, job="job")),
    "huge": note(recipe_text(row=10**400)),
    "seed": note(recipe_text(seed=-(2**63))),
    "null": note(recipe_text(request={"task": "image", "prompt": "a\0b", "seed": 1})),
    "long": note(recipe_text(labels={"x": "y" * 2_000_000}), "word " * 400_000),
    "years": note(recipe_text(created="9999-12-31T23:59:59+00:00")),
    "time": note(recipe_text(created="0001-01-01T00:00:00+23:59")),
    "infinite": note(recipe_text(timings={"a": 1e308, "b": 1e308})),
    "circle": note(
        recipe_text(parents=[{"path": "x", "asset": "loop-0"}], job="loop", request={"task": "?"})
    ),
}
UNREAD = {
    "surrogate": note(recipe_text(job="PLACE").replace("PLACE", "\\ud800")),
    "nan": note(recipe_text(seed=float("nan"))),
    "no recipe": "just text",
    "empty": "",
}


def write_odd_files(folder: Path) -> set[Path]:
    """Write files with names of `STORED` and `UNREAD`. Returns those that cannot be read."""
    for name, text in (STORED | UNREAD).items():
        (folder / f"{name}.md").write_text(text)
    unread = {folder / f"{name}.md" for name in UNREAD}
    Image.new("RGB", (64, 64)).save(folder / "cut.jpg")
    data = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: data.index(b"\xff\xc0") + 4])
    unread.add(folder / "cut.jpg")
    (folder / "folder.png").mkdir()
    if os.name == "posix":
        gbk = folder / os.fsdecode("狐狸.md".encode("gbk"))
        gbk.write_text(note(recipe_text()))
        os.mkfifo(folder / "pipe.png")
        (folder / "loop.png").symlink_to("loop.png")
        (folder / "dangling.png").symlink_to("nowhere.png")
        (folder / "endless.png").symlink_to("/dev/zero")
        unread |= {gbk} | {
            folder / f"{name}.png" for name in ("pipe", "loop", "dangling", "endless")
        }
    return unread


def test_any_file_may_be_wrong_and_is_listed_while_the_rest_is_there(tmp_path: Path) -> None:
    root = tmp_path / "library"
    library = Library.open(root)
    good = [record(library, enqueue(library, f"fox {n}")) for n in range(2)]
    library.close()
    unread = write_odd_files(good[0].path.parent)
    for is_lost in (True, False):
        library = without_index(root) if is_lost else Library.open(root)
        assert (library.notice is not None) == is_lost
        if not is_lost:
            library.rebuild()
        found = library.assets.recent(1000)
        assert {file.path for file in library.unread} == unread
        assert all(str(file.reason) for file in library.unread)
        assert {asset.id for asset in good} <= {asset.id for asset in found}
        assert {asset.path.stem for asset in found if asset.path.stem in STORED} == set(STORED)
        library.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_result_without_permission_stays_as_the_index_knew_it(library: Library) -> None:
    asset = record(library, enqueue(library))
    asset.path.chmod(0)
    assert library.rebuild() == 1
    assert [file.path for file in library.unread] == [asset.path]
    assert library.assets.recent() == [asset]


def test_a_result_whose_file_was_damaged_stays_listed(library: Library) -> None:
    asset, other = (record(library, enqueue(library, f"fox {n}")) for n in range(2))
    library.marks.star([asset.id], True)
    asset.path.write_bytes(png_bytes())
    assert library.rebuild() == 2
    assert [file.path for file in library.unread] == [asset.path]
    found = {one.id: one for one in library.assets.recent()}
    assert found[asset.id].starred and found[other.id] == other


def test_a_rebuild_repairs_content_that_sqlite_accepts(library: Library) -> None:
    asset = record(library, enqueue(library))
    with contextlib.closing(sqlite3.connect(library.root / FILE_NAME)) as db, db:
        db.execute("UPDATE assets SET prompt = 'a fax', width = 7, created = 'x', model = 'y'")
        db.execute("UPDATE contents SET recipe = replace(recipe, 'fox', 'fax')")
        db.execute("UPDATE words SET prompt = 'a fax', facts = ''")
        db.execute("INSERT INTO tags VALUES (?, 'damaged')", ("nobody",))
        db.execute("UPDATE job_rows SET asset = NULL")
    assert library.rebuild() == 1
    assert library.assets.recent() == [asset]
    assert library.assets.facets().tags == ()
    assert library.assets.of_row(asset.job, asset.row) == asset


def test_a_file_whose_content_changed_is_read_again(library: Library) -> None:
    asset = record(library, enqueue(library))
    (asset.path.with_name("other.md")).write_text(note(recipe_text(job="x"), "One."))
    assert library.rebuild() == 2
    (asset.path.with_name("other.md")).write_text(note(recipe_text(job="x"), "Two."))
    assert library.rebuild() == 2
    assert {one.text.strip() for one in library.assets.recent()} == {"", "Two."}


def test_what_others_do_during_a_rebuild_is_not_lost(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Library.open(library.root, run_queue=False)
    first, second, third = (record(library, enqueue(library, f"fox {n}")) for n in range(3))
    late: list[Asset] = []
    plain = read_result

    def interrupted(path: Path, root: Path) -> FinishedFile | UnreadFile | None:
        found = plain(path, root)
        if path == third.path and not late:
            late.append(record(other, enqueue(other, "late")))
            other.marks.star([first.id, late[0].id], True)
            other.trash.put([second.id])
        return found

    monkeypatch.setattr(rebuild, "read_result", interrupted)
    assert library.rebuild() == 3
    for opened in (library, other):
        found = {asset.id: asset.starred for asset in opened.assets.recent()}
        assert found == {first.id: True, third.id: False, late[0].id: True}
        assert [asset.id for asset in opened.trash.list()] == [second.id]
    other.marks.star([third.id], True)
    assert library.queue.get(late[0].job) is not None
    other.close()


def test_a_rebuild_keeps_marks_that_the_marks_file_lost(library: Library) -> None:
    starred, plain = (record(library, enqueue(library, f"fox {n}")) for n in range(2))
    library.marks.star([starred.id, plain.id], True)
    library.marks.star([plain.id], False)
    library.trash.put([plain.id])
    (library.root / MARKS_FILE).unlink()
    library.rebuild()
    assert [asset.starred for asset in library.assets.recent()] == [True]
    assert [asset.id for asset in library.trash.list()] == [plain.id]
    assert set(read_marks(library.root)) == {starred.id, plain.id}


def test_a_line_of_many_tags_keeps_its_star(library: Library) -> None:
    asset, other = (record(library, enqueue(library, f"fox {n}")) for n in range(2))
    tags = tuple(f"tag {n} {'x' * 90}" for n in range(3_000))
    append_marks(library.root, Marks(asset.id, True, tags), Marks(other.id, True))
    library.rebuild()
    assert [one.starred for one in library.assets.recent()] == [True, True]
    library.marks.star([asset.id], False)
    assert len(read_marks(library.root)[asset.id].tags) == 3_000


def test_an_index_that_a_rebuild_left_unfinished_is_completed_at_the_next_start(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = record(library, enqueue(library))
    library.close()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rebuild, "replace_index", killed)
        with pytest.raises(KeyboardInterrupt):
            without_index(library.root)
    again = Library.open(library.root)
    assert again.assets.get(asset.id) is not None
    assert again.notice is not None and "rebuilt" in str(again.notice.message)
    again.close()
    again = Library.open(library.root)
    assert again.notice is None
    again.close()


def test_a_result_that_another_process_restores_during_a_rebuild_keeps_its_id(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = record(library, enqueue(library))
    library.marks.star([asset.id], True)
    library.trash.put([asset.id])
    other = Library.open(library.root, run_queue=False)

    def walked(root: Path, _: object) -> Iterator[Path]:
        yield root / TRASH_FOLDER / f"{asset.id}.png"
        (restored,) = other.trash.restore([asset.id])
        yield restored.path

    monkeypatch.setattr(rebuild, "result_files", walked)
    library.rebuild()
    other.close()
    assert [(found.id, found.starred) for found in library.assets.recent()] == [(asset.id, True)]
    assert library.trash.list() == []


def test_processes_that_find_a_damaged_index_at_once_set_it_aside_once(tmp_path: Path) -> None:
    root = tmp_path / "library"
    library = Library.open(root)
    asset = record(library, enqueue(library))
    library.close()
    (root / FILE_NAME).write_bytes(b"damaged" * 1000)
    code = (
        "import sys; from pathlib import Path; from studio.library.store import Library\n"
        "sys.stdin.readline(); opened = Library.open(Path(sys.argv[1]), run_queue=False)\n"
        "print([asset.id for asset in opened.assets.recent()], opened.queue.counts())\n"
        "opened.close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate("go\n")[0] for process in started]
    assert outputs == [f"['{asset.id}'] {{'queued': 1}}\n"] * 3
    assert len(list(root.glob("library.damaged-*"))) == 1


def test_a_database_with_triggers_of_somebody_else_is_set_aside_before_they_run(
    tmp_path: Path,
) -> None:
    library = Library.open(tmp_path / "library")
    record(library, enqueue(library))
    library.close()
    file = library.root / FILE_NAME
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TRIGGER mine AFTER INSERT ON state BEGIN DELETE FROM assets; END")
        db.commit()
    library = Library.open(library.root)
    try:
        assert library.notice is not None
        assert library.assets.count() == 1
        with contextlib.closing(sqlite3.connect(file)) as db:
            names = db.execute("SELECT name FROM sqlite_schema WHERE name = 'mine'").fetchall()
        assert names == []
    finally:
        library.close()


def test_results_in_folders_outside_the_library_survive_the_loss_of_the_index(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    output_folder(str(out))
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5)], output=str(out))
    kept = record(library, job)
    library.marks.star([kept.id], True)
    shutil.copy(kept.path, out / "a copy.png")
    (out / "holiday.png").write_bytes(png_bytes())
    library.close()

    with contextlib.closing(without_index(library.root)) as again:
        (found,) = again.assets.recent()
        assert (found.id, found.path, found.starred) == (kept.id, kept.path, True)
        assert again.check() == []
        assert again.rebuild() == 1


def test_results_outside_that_a_library_had_before_there_was_a_list_are_listed(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    output_folder(str(out))
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5)], output=str(out))
    kept = record(library, job)
    library.close()
    (library.root / OUTPUTS_FILE).unlink()

    Library.open(library.root).close()

    with contextlib.closing(without_index(library.root)) as again:
        assert [asset.id for asset in again.assets.recent()] == [kept.id]


def test_folders_that_a_strangers_library_lists_are_not_read(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "private"
    out.mkdir()
    with library.root.joinpath(OUTPUTS_FILE).open("a") as file:
        file.write(json.dumps(str(out)) + "\n[1\n\n")
    asset = record(library, enqueue(library))
    shutil.move(asset.path, out)

    assert library.rebuild() == 0


def test_an_original_keeps_its_id_beside_a_copy_made_by_hand(library: Library) -> None:
    first, second = (record(library, enqueue(library, prompt)) for prompt in ("a fox", "a dog"))
    copy = first.path.with_name("a copy.png")
    shutil.copy(first.path, copy)

    assert library.rebuild() == 3
    assert library.assets.get(first.id).path == first.path  # type: ignore[union-attr]

    copy.unlink()
    first.path.rename(copy)
    second.path.rename(first.path)
    copy.rename(second.path)
    assert library.rebuild() == 2
    assert library.assets.get(first.id).path == second.path  # type: ignore[union-attr]
    assert library.assets.get(second.id).path == first.path  # type: ignore[union-attr]
