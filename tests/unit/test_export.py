"""An export is whole or nothing, and its names are valid wherever it goes."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.formats.recipes.aigc import AigcLabel
from studio.formats.recipes.recipe_files import read_embedded
from studio.kinds.text import TextRequest
from studio.library.folder.file_names import numbered, portable_name
from studio.library.folder.work_folders import SharedLock, WorkFolders
from studio.library.recipes.export import TABLE, export
from studio.library.recipes.metadata import read_recipe
from studio.library.records import Asset
from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED, marked_name
from studio.library.store import Library
from studio.protocol import Problem, ProblemError
from tests.unit.conftest import enqueue, record


def _listed(folder: Path) -> list[str]:
    with (folder / TABLE).open(encoding="utf-8-sig", newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_exported_if_one_result_is_gone(library: Library, tmp_path: Path) -> None:
    assets = [record(library, enqueue(library, f"fox {n}")) for n in range(3)]
    assets[2].path.unlink()
    with pytest.raises(ProblemError, match="no longer where it was saved"):
        export(assets, tmp_path / "out")
    assert _names(tmp_path / "out") == []


def test_a_result_that_is_gone_is_left_out_if_the_caller_takes_note(
    library: Library, tmp_path: Path
) -> None:
    assets = [record(library, enqueue(library, f"fox {n}")) for n in range(3)]
    assets[1].path.unlink()
    failed: list[tuple[Asset, Problem]] = []
    copies = export(
        assets, tmp_path / "out", on_failure=lambda asset, found: failed.append((asset, found))
    )
    assert [copy.name for copy in copies] == [assets[0].path.name, assets[2].path.name]
    assert _listed(tmp_path / "out") == [copy.name for copy in copies]
    assert [asset for asset, _ in failed] == [assets[1]]


@pytest.mark.parametrize(
    "foreign",
    ["dish,time\nbread,2\n".encode("utf-16"), b"file;task\r\na;b\r\n", b"file,task\r\n\xfcx,b\r\n"],
)
def test_a_table_that_is_not_ours_is_left_alone(
    library: Library, tmp_path: Path, foreign: bytes
) -> None:
    (tmp_path / TABLE).write_bytes(foreign)
    asset = record(library, enqueue(library))
    export([asset], tmp_path)
    export([asset], tmp_path)
    assert (tmp_path / TABLE).read_bytes() == foreign
    assert (tmp_path / "recipes-2.csv").read_text("utf-8-sig").count(asset.path.stem) == 2


def test_a_table_without_a_last_line_end_gets_the_next_row_on_a_line_of_its_own(
    library: Library, tmp_path: Path
) -> None:
    asset = record(library, enqueue(library))
    (tmp_path / TABLE).write_bytes(b"file,task\r\nmine.png,image")
    export([asset], tmp_path)
    assert _listed(tmp_path) == ["mine.png", asset.path.name]


def test_a_destination_that_cannot_hold_the_table_is_left_as_it_was(
    library: Library, tmp_path: Path
) -> None:
    asset = record(library, enqueue(library))
    out = tmp_path / "out"
    (out / TABLE).mkdir(parents=True)
    with pytest.raises(ProblemError, match="cannot be written to"):
        export([asset], out)
    assert _names(out) == [TABLE]


def test_names_that_differ_only_in_case_do_not_overwrite_each_other(
    library: Library, tmp_path: Path
) -> None:
    assets = [record(library, enqueue(library, f"fox {n}")) for n in range(2)]
    renamed = []
    for asset, name in zip(assets, ("Fox.png", "fOX.png"), strict=True):
        asset.path.rename(asset.path.with_name(name))
        renamed.append(replace(asset, path=asset.path.with_name(name)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "FOX.PNG").write_text("mine")
    copies = export(renamed, tmp_path / "out")
    assert [copy.name for copy in copies] == ["Fox-2.png", "fOX-3.png"]
    assert (tmp_path / "out" / "FOX.PNG").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_copies_follow_the_umask_and_the_table_keeps_its_mode(
    library: Library, tmp_path: Path
) -> None:
    asset = record(library, enqueue(library))
    asset.path.chmod(0o600)
    before = os.umask(0o027)
    try:
        (copy,) = export([asset], tmp_path / "out")
        assert copy.stat().st_mode & 0o777 == 0o640
        assert (tmp_path / "out" / TABLE).stat().st_mode & 0o777 == 0o640
        (tmp_path / "out" / TABLE).chmod(0o664)
        export([asset], tmp_path / "out")
        assert (tmp_path / "out" / TABLE).stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "name",
    [
        "狐" * 83 + "狸.png",
        "x" * 251 + ".png",
        "x" * 300,
        "." + "x" * 300,
        "🦊" * 62 + ".jpeg",
    ],
)
def test_a_long_name_is_shortened_at_whole_characters_with_room_for_a_number(name: str) -> None:
    short = portable_name(name)
    assert len(short.encode()) <= 247
    assert name.startswith(Path(short).stem)
    again = numbered(Path("/", short), 12)
    assert len(again.name.encode()) <= 255
    longest = numbered(Path("/", "狐" * 84 + ".md"), 1234)
    assert len(longest.name.encode()) <= 255
    assert longest.name.endswith("狐-1234.md")


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("a fox-5.png", "a fox-5.png"),
        ("狐狸.md", "狐狸.md"),
        ("con.png", "x-con.png"),
        ("NUL", "x-NUL"),
        ("com1 .txt", "x-com1 .txt"),
        ("a:b|c?.png", "a-b-c-.png"),
        ("line\nbreak.png", "line-break.png"),
        ("dots. . .", "dots"),
        ("\udce9t\udce9.png", "-t-.png"),
        ("...", "x-"),
    ],
)
def test_a_name_that_windows_refuses_is_changed(name: str, portable: str) -> None:
    assert portable_name(name) == portable


def test_links_in_a_folder_from_somebody_else_lead_an_export_nowhere(
    library: Library, tmp_path: Path
) -> None:
    asset = record(library, enqueue(library))
    victim, shared = tmp_path / "victim", tmp_path / "shared"
    (victim / "docs").mkdir(parents=True)
    (victim / "docs" / "thesis.txt").write_text("thesis")
    shutil.copytree(victim, victim / "studio-0123456789ab")
    for token, link in (("a" * 12, "export/ready"), ("b" * 12, "export"), ("c" * 12, "")):
        path = shared / ".tmp" / f"studio-{token}" / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(victim / "docs", target_is_directory=True)
    before = sorted(victim.rglob("*"))
    assert len(export([asset], shared)) == 1
    assert sorted(victim.rglob("*")) == before

    for name in (".tmp", TABLE):
        folder = tmp_path / f"with {name}"
        folder.mkdir()
        target = victim if name == ".tmp" else victim / "docs" / "thesis.txt"
        (folder / name).symlink_to(target, target_is_directory=target.is_dir())
        with pytest.raises(ProblemError, match="link to another place"):
            export([asset], folder)
        work = WorkFolders(folder)
        work.remove_stale(folder)
        with pytest.raises(ProblemError) if name == ".tmp" else contextlib.nullcontext():
            work.folder(folder, "job")
        work.close()
        assert _names(folder) == [name]
    assert sorted(victim.rglob("*")) == before


def test_a_users_own_files_below_tmp_stay(library: Library, tmp_path: Path) -> None:
    asset = record(library, enqueue(library))
    own = [
        tmp_path / ".tmp" / name
        for name in ("studio-project/a", "studio-x.lock", "studio-export/b")
    ]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (tmp_path / ".tmp" / "studio-0123456789ab.lock").write_text("not a lock")
    export([asset], tmp_path)
    WorkFolders(tmp_path).remove_stale(tmp_path)
    assert [path.read_text() for path in own] == ["mine"] * 3
    assert (tmp_path / ".tmp" / "studio-0123456789ab.lock").read_text() == "not a lock"


@pytest.mark.parametrize("name", ["export", "results"])
def test_a_link_in_the_place_of_a_lock_empties_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".tmp").mkdir()
    lock = tmp_path / ".tmp" / f"studio-{name}.lock"
    lock.symlink_to(tmp_path / "precious")
    with SharedLock(tmp_path, name, 1.0).held():
        assert (tmp_path / "precious").read_text() == "precious"
    lock.write_text("mine")
    with pytest.raises(OSError, match="not a lock"), SharedLock(tmp_path, name, 1.0).held():
        pass
    assert lock.read_text() == "mine"


def test_a_picture_is_marked_in_sight_and_in_its_metadata_where_that_is_asked_for(
    library: Library, tmp_path: Path
) -> None:
    from io import BytesIO

    from PIL import Image, ImageChops

    made = BytesIO()
    Image.new("RGBA", (400, 200), (10, 120, 30, 128)).save(made, "PNG")
    small = BytesIO()
    Image.new("RGB", (3, 2), "white").save(small, "PNG")
    contents = [made.getvalue(), small.getvalue()]
    assets = [
        record(library, enqueue(library, f"fox {number}"), content=content)
        for number, content in enumerate(contents)
    ]
    label = AigcLabel("Ann")
    for suffix, format in (("png", ""), ("jpg", "jpeg"), ("webp", "webp")):
        copies = export(assets, tmp_path / suffix, format, visible_label=label)  # type: ignore[arg-type]
        assert [copy.suffix for copy in copies] == [f".{suffix}"] * 2
        with Image.open(copies[0]) as image, Image.open(assets[0].path) as before:
            assert image.size == before.size
            changed = ImageChops.difference(image.convert("L"), before.convert("L")).getbbox()
            # Letters of at least 5 % of the shorter side, in the corner.
            assert changed is not None
            if suffix == "png":
                assert changed[0] > 300 and changed[1] > 150 and changed[3] - changed[1] >= 10
        recipe = read_recipe(copies[0])
        assert recipe is not None and recipe.job == assets[0].job
    assert "Ann" in read_embedded(tmp_path / "png" / assets[0].path.name).label


def test_what_needs_a_review_says_so_in_its_name_outside_of_the_library(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    [job] = library.queue.enqueue(
        [TextRequest(prompt="a clause", seed=1)],
        output=str(tmp_path / "out"),
        labels=[{REVIEW_LABEL: REVIEW_REQUIRED}],
    )
    asset = record(library, job)
    assert asset.path.stem.endswith("-needs-review")
    library.marks.review([asset.id], "approved", "Ann", "")
    kept = library.assets.get(asset.id)
    assert kept is not None
    [copy] = export([kept], tmp_path / "copies")
    assert copy.stem == asset.path.stem.removesuffix("-needs-review")
    assert marked_name("a.b", "rejected") == "a-rejected.b"
    assert marked_name("a-needs-review", "rejected") == "a-rejected"
