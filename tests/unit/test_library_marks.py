"""Stars, tags and collections: of many results at once, and safe from crashes."""

from __future__ import annotations

import errno
import os

import pytest

from studio.library.folder.marks_file import MARKS_FILE, Marks, append_marks, read_marks
from studio.library.index.database import FILE_NAME
from studio.library.index.search import AssetQuery
from studio.library.records import Asset
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.unit.conftest import enqueue, record


@pytest.fixture
def three(library: Library) -> list[Asset]:
    return [record(library, enqueue(library, f"fox {n}")) for n in range(3)]


def ids(assets: list[Asset]) -> list[str]:
    return [asset.id for asset in assets]


def reopened_without_index(library: Library) -> Library:
    library.close()
    for file in library.root.glob(f"{FILE_NAME}*"):
        file.unlink()
    return Library.open(library.root)


def test_a_collection_survives_changed_stars_and_tags_the_trash_and_a_lost_index(
    library: Library, three: list[Asset]
) -> None:
    first, second, _ = three
    library.marks.add_to_collection("狐 Foxes", [first.id, second.id])
    library.marks.star([first.id], True)
    library.marks.retag([first.id], (), ["night"])
    library.trash.put([first.id])
    library.trash.restore([first.id])
    assert library.marks.collections() == [("狐 Foxes", 2)]
    library.trash.put([second.id])
    again = reopened_without_index(library)
    assert again.marks.collections() == [("狐 Foxes", 1)]
    found = again.assets.get(first.id)
    assert found is not None
    assert (found.collections, found.tags, found.starred) == (("狐 Foxes",), ("night",), True)
    again.trash.restore([second.id])
    assert again.marks.collections() == [("狐 Foxes", 2)]
    assert set(ids(again.assets.find(AssetQuery(collection="狐 foxes")))) == {first.id, second.id}
    again.close()


def test_results_leave_a_collection_and_collections_are_renamed_and_merged(
    library: Library, three: list[Asset]
) -> None:
    names = ids(three)
    library.marks.add_to_collection(" Pets ", names)
    library.marks.add_to_collection("PETS", names)
    library.marks.add_to_collection("wild", names[:1])
    assert library.marks.collections() == [("Pets", 3), ("wild", 1)]
    library.marks.remove_from_collection("pets", names[2:])
    assert library.marks.rename_collection("Pets", "pets") == 2
    assert library.marks.collections() == [("pets", 2), ("wild", 1)]
    library.trash.put(names[1:2])
    assert library.marks.rename_collection("pets", "Wild") == 2
    assert library.marks.collections() == [("wild", 1)]
    library.trash.restore(names[1:2])
    assert library.marks.collections() == [("wild", 2)]
    assert library.marks.rename_collection("nobody's", "x") == 0
    library.marks.remove_from_collection("wild", names)
    assert library.marks.collections() == []


@pytest.mark.parametrize("name", ["", "  \n", "x" * 101])
def test_an_invalid_name_of_a_collection_is_refused(
    library: Library, three: list[Asset], name: str
) -> None:
    with pytest.raises(ProblemError, match="name"):
        library.marks.add_to_collection(name, ids(three))


def test_many_marks_need_one_fsync_and_unknown_results_are_skipped(
    library: Library, three: list[Asset], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def counted(file: int) -> None:
        synced.append(file)
        sync(file)

    monkeypatch.setattr(os, "fsync", counted)
    changed = library.marks.star([*ids(three), "nobody"], True)
    assert ids(changed) == ids(three) and all(asset.starred for asset in changed)
    assert len(synced) == 1
    library.marks.star(ids(three), True)
    assert len(synced) == 1
    assert set(read_marks(library.root)) == set(ids(three))


def test_replacing_tags_of_several_results_keeps_their_other_tags(
    library: Library, three: list[Asset]
) -> None:
    library.marks.retag([three[0].id], (), ["Draft", "own", "own "])
    changed = library.marks.retag(ids(three), ["draft"], ["done", "OWN"])
    assert [set(asset.tags) for asset in changed] == [
        {"own", "done"},
        {"done", "OWN"},
        {"done", "OWN"},
    ]
    assert ids(library.assets.find(AssetQuery(tags=("draft",)))) == []
    assert len(library.assets.find(AssetQuery(words="done"))) == 3


def test_a_result_marked_in_the_trash_can_still_be_restored(
    library: Library, three: list[Asset]
) -> None:
    library.trash.put([three[0].id])
    library.marks.star([three[0].id], True)
    again = reopened_without_index(library)
    assert ids(again.trash.list()) == [three[0].id]
    (back,) = again.trash.restore([three[0].id])
    assert (back.path, back.starred) == (three[0].path, True)
    again.close()


def test_marks_that_cannot_be_written_are_not_in_the_index_either(
    library: Library, three: list[Asset]
) -> None:
    (library.root / MARKS_FILE).mkdir()
    with pytest.raises(ProblemError):
        library.marks.star(ids(three), True)
    assert library.assets.find(AssetQuery(starred=True)) == []


def test_a_truncated_line_loses_only_that_mark(library: Library) -> None:
    asset = record(library, enqueue(library))
    library.marks.retag([asset.id], (), ["kept"])
    with (library.root / MARKS_FILE).open("ab") as file:
        file.write(b'{"asset": "half')
    library.marks.add_to_collection("late", [asset.id])
    mark = read_marks(library.root)[asset.id]
    assert (mark.tags, mark.collections) == (("kept",), ("late",))


def test_marks_that_a_full_disk_cut_off_are_neither_in_the_file_nor_in_the_index(
    library: Library, three: list[Asset], monkeypatch: pytest.MonkeyPatch
) -> None:
    library.marks.star([three[0].id], True)
    before = (library.root / MARKS_FILE).read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ProblemError):
            library.marks.star(ids(three), True)
    assert (library.root / MARKS_FILE).read_bytes() == before
    assert library.check() == []
    assert ids(library.assets.find(AssetQuery(starred=True))) == [three[0].id]
    library.marks.star(ids(three), True)
    assert len(library.assets.find(AssetQuery(starred=True))) == 3


def test_a_file_of_many_old_lines_is_rewritten_under_the_lock_of_changes(
    library: Library, three: list[Asset]
) -> None:
    for _ in range(3):
        append_marks(library.root, *(Marks(three[0].id, tags=(f"t{n}",)) for n in range(400)))
    again = Library.open(library.root)
    assert (library.root / MARKS_FILE).read_bytes().count(b'"asset"') == 1200
    again.marks.star([three[1].id], True)
    assert (library.root / MARKS_FILE).read_bytes().count(b'"asset"') == 2
    assert set(read_marks(library.root)) == {three[0].id, three[1].id}
    again.close()
