"""Homes, folders and names that are not what they should be: a sentence, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.library.store import Library
from tests.e2e.conftest import ROOT, CommandResult

Studio = Callable[..., CommandResult]
NOT_UTF8 = os.fsdecode(b"\xff")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes")


@pytest.mark.parametrize("file", ["logs/engine.log", "output_folders", "models.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_in_the_home_is_not_waited_for(
    environment: dict[str, str],
    studio: Studio,
    tmp_path: Path,
    file: str,
    make: Callable[[Path], object],
) -> None:
    place = Path(environment["STUDIO_HOME"]) / file
    place.parent.mkdir(parents=True, exist_ok=True)
    make(place)
    ran = studio("text", "-p", "a fox", "-o", tmp_path / "out", fake="plain")
    assert "Traceback" not in ran.err
    assert ran.status == (2 if file == "output_folders" else 0)
    assert file != "output_folders" or f"{place} cannot be written" in ran.err


def test_a_folder_whose_name_is_not_utf_8_is_refused(studio: Studio, tmp_path: Path) -> None:
    folder = f"{tmp_path}/{NOT_UTF8}"
    for ran in (
        studio("text", "-p", "a fox", "-o", folder, fake="plain"),
        studio("text", "-p", "a fox", fake="plain", STUDIO_HOME=folder),
    ):
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert "is not valid UTF-8" in ran.err
    assert not os.path.lexists(folder)


def test_a_deleted_current_folder_is_said(environment: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'rmdir "{gone}" && exec "{sys.executable}" -m studio text -p x -o rel'
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=gone,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 2
    assert "The current folder no longer exists" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_one_name_that_is_not_utf_8_does_not_keep_a_folder_from_being_enlarged(
    studio: Studio, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(folder / name)
    (folder / "b.png").rename(folder / f"b{NOT_UTF8}.png")
    ran = studio("upscale", folder, "--json", fake="plain")
    assert (ran.status, len(ran.named("asset"))) == (1, 1)
    assert "b?.png is left out" in ran.err


def test_results_are_not_exported_into_the_library(
    environment: dict[str, str], studio: Studio
) -> None:
    assert studio("text", "-p", "a fox", fake="plain").status == 0
    root = Path(environment["STUDIO_HOME"]) / "library"
    library = Library.open(root, run_queue=False)
    (asset,) = library.assets.recent()
    library.close()
    for folder in (root, asset.path.parent, root / "new"):
        ran = studio("library", "export", asset.id, folder)
        assert ran.status == 2
        assert "belongs to the library" in ran.err
    assert len(list(root.rglob("*.md"))) == 1


def test_a_batch_is_resumed_also_where_its_folder_is_written_differently(
    studio: Studio, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("task,prompt\ntext,x\n", "utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    assert studio("batch", table, "-o", tmp_path / "out", fake="plain").status == 0
    for other in (tmp_path / "link", tmp_path / "out" / ".." / "out", f"{tmp_path}//out/"):
        ran = studio("batch", table, "-o", other, "--resume", fake="plain")
        assert (ran.status, ran.out) == (0, "")
        assert "All rows are finished already" in ran.err
