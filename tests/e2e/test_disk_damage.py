"""A damaged or missing index, files changed by hand, and hostile files."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.kinds.coding import to_json
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.store import Library
from tests.e2e.conftest import ROOT, CommandResult
from tests.unit.conftest import png_bytes, recipe_for, record

Studio = Callable[..., CommandResult]
COUNT = 60
PAGE = 4096


@pytest.fixture
def root(environment: dict[str, str]) -> Path:
    """A library with results, one of them starred, and queued jobs."""
    root = Path(environment["STUDIO_HOME"]) / "library"
    library = Library.open(root)
    jobs = library.queue.enqueue(
        [TextRequest(prompt=f"狐狸 fox {n}", seed=n, model=f"model-{n}") for n in range(COUNT)]
    )
    for job in jobs:
        record(library, library.queue.start(job), content=f"Answer to {job.id}. ".encode() * 20)
        library.queue.finish(job.id, "done")
    library.marks.star([f"{jobs[7].id}-0"], True)
    library.queue.enqueue([TextRequest(prompt=f"still to do {n}", seed=n) for n in range(5)])
    library.close()
    return root


def emptied(database: Path) -> None:
    database.write_bytes(b"")


def deleted(database: Path) -> None:
    database.unlink()


def cut(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def without_last_page(database: Path) -> None:
    os.truncate(database, database.stat().st_size - PAGE)


def garbled_in_the_middle(database: Path) -> None:
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(size // 3)
        file.write(random.Random(1).randbytes(size // 3))


def garbled_here_and_there(database: Path) -> None:
    """Overwrite a part of every page but the first with noise, and leave page headers intact."""
    chance = random.Random(2)
    with database.open("r+b") as file:
        for start in range(PAGE, database.stat().st_size, PAGE):
            file.seek(start + PAGE * 3 // 4)
            file.write(chance.randbytes(200))


def garbled_at_the_start(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(bytes(100))


DAMAGES = (
    emptied,
    deleted,
    cut,
    without_last_page,
    garbled_in_the_middle,
    garbled_here_and_there,
    garbled_at_the_start,
)


def found(ran: CommandResult) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in map(json.loads, ran.out.splitlines())}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_one_rebuild_repairs_a_damaged_index(
    studio: Studio, root: Path, damage: Callable[[Path], None]
) -> None:
    search = ("library", "search", "狐狸", "--json")
    whole = found(studio(*search))
    damage(root / "library.db")
    ran = studio("library", "rebuild", "--json")
    assert "Traceback" not in ran.err
    assert (ran.status, json.loads(ran.out)) == (0, {"assets": COUNT, "unread": []})
    assert found(studio(*search)) == whole
    assert sum(row["starred"] is True for row in whole.values()) == 1


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_index_is_detected_and_repaired_at_the_next_start(
    studio: Studio, root: Path, damage: Callable[[Path], None]
) -> None:
    search = ("library", "search", "--json")
    whole = found(studio(*search))
    damage(root / "library.db")
    ran = studio(*search)
    assert "Traceback" not in ran.err
    if found(ran) != whole:
        assert ran.status == 2
        assert "start Prompt Studio again" in ran.err
        assert found(studio(*search)) == whole


@pytest.mark.parametrize(
    "arguments",
    [("library", "rebuild"), ("library", "search"), ("queue", "list"), ("text", "-p", "x")],
)
def test_an_index_of_a_newer_version_without_a_column_is_not_touched(
    studio: Studio, root: Path, arguments: tuple[str, ...]
) -> None:
    database = sqlite3.connect(root / "library.db")
    database.execute("ALTER TABLE jobs RENAME COLUMN output TO folder")
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    before = (root / "library.db").read_bytes()
    ran = studio(*arguments, fake="plain")
    assert (ran.status, ran.out) == (2, "")
    assert "newer version of Prompt Studio" in ran.err
    assert (root / "library.db").read_bytes() == before


def test_queued_jobs_are_recovered_from_a_damaged_index(studio: Studio, root: Path) -> None:
    database = sqlite3.connect(root / "library.db")
    (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'contents'")
    database.close()
    with (root / "library.db").open("r+b") as file:
        file.seek((page[0] - 1) * PAGE)
        file.write(random.Random(3).randbytes(PAGE))
    studio("library", "search", "fox")  # finds the damage
    ran = studio("queue", "list", "--json")
    waiting = [job for job in map(json.loads, ran.out.splitlines()) if job["status"] == "queued"]
    assert len(waiting) == 5


def test_files_deleted_renamed_and_added_by_hand_are_handled(
    studio: Studio, root: Path, tmp_path: Path
) -> None:
    library = Library.open(root)
    gone, renamed, copied, *_ = library.assets.recent()
    library.marks.retag([renamed.id], (), ["kept"])
    library.close()
    gone.path.unlink()
    (root / "my own").mkdir()
    new_path = renamed.path.rename(root / "my own" / "改名.md")
    shutil.copy(copied.path, root / "my own" / "copy.md")
    (root / "my own" / "notes.md").write_text("# My own notes\n")
    (root / "my own" / "photo.png").write_bytes(png_bytes())

    assert studio("library", "show", gone.id).status == 0
    for asset in (gone, renamed):
        ran = studio("library", "export", asset.id, tmp_path / "export")
        assert ran.status == 1
        assert "no longer where it was saved" in ran.err
    ran = studio("library", "rebuild", "--json")
    assert json.loads(ran.out)["assets"] == COUNT  # one gone, one copied
    assert studio("library", "show", gone.id).status == 2
    assert found(studio("library", "search", "--tag", "kept", "--json"))[renamed.id]["path"] == str(
        new_path
    )
    assert studio("library", "export", renamed.id, tmp_path / "export").status == 0
    assert (tmp_path / "export" / "改名.md").is_file()


# ---- hostile files


def itxt(body: bytes, *, packed: bool = False) -> bytes:
    data = b"prompt_studio" + (b"\0\1\0\0\0" if packed else b"\0\0\0\0\0") + body
    crc = struct.pack(">I", zlib.crc32(b"iTXt" + data))
    return struct.pack(">I", len(data)) + b"iTXt" + data + crc


def write_with_chunk(path: Path, chunk: bytes) -> None:
    whole = png_bytes()
    path.write_bytes(whole[:33] + chunk + whole[33:])


def bomb() -> bytes:
    """Return the beginning of a recipe with a prompt of 400 MB, compressed to 400 kB."""
    deflate = zlib.compressobj(9)
    parts = [deflate.compress(b'{"request":{"task":"image","prompt":"')]
    parts += [deflate.compress(b"x" * 1_000_000) for _ in range(400)]
    return b"".join([*parts, deflate.flush()])


def huge(path: Path, length: int = 200_000_000) -> None:
    """Write a picture with one metadata chunk of `length` bytes."""
    write_with_chunk(path, b"")
    whole = path.read_bytes()
    with path.open("wb") as file:
        file.write(whole[:33] + struct.pack(">I", length) + b"iTXtprompt_studio\0\0\0\0\0")
        file.truncate(33 + 8 + length)
        file.seek(0, os.SEEK_END)
        file.write(b"\0\0\0\0" + whole[33:])


def output_within_150_mb(code: str, environment: dict[str, str]) -> str:
    """Run code in a separate process; on Linux assert that its peak memory is below 150 MB."""
    print_status = (
        "import sys; sys.platform == 'linux' and sys.stderr.write(open('/proc/self/status').read())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{print_status}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0
    most = re.search(r"VmHWM:\s+(\d+) kB", ran.stderr)
    assert int(most[1]) < 150_000 if most else sys.platform != "linux"
    return ran.stdout


def test_metadata_of_150_mb_is_not_searched_for_settings(
    environment: dict[str, str], tmp_path: Path
) -> None:
    huge(tmp_path / "huge.png", 150_000_000)
    write_with_chunk(tmp_path / "bomb.png", itxt(bomb(), packed=True))
    for name in ("huge.png", "bomb.png"):
        code = f"""
from pathlib import Path
from studio.library.recipes.settings_in_file import read_settings
print(read_settings(Path({str(tmp_path / name)!r})))
"""
        assert output_within_150_mb(code, environment).strip() == "None"


def test_hostile_pictures_harm_neither_a_rebuild_nor_files_outside_the_library(
    studio: Studio, root: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = root / "downloads"
    folder.mkdir()
    write_with_chunk(folder / "bomb.png", itxt(bomb(), packed=True))
    huge(folder / "huge.png")
    write_with_chunk(
        folder / "types.png", itxt(b'{"request":{"task":"image","prompt":7},"row":[],"seed":1}')
    )
    write_with_chunk(folder / "nested.png", itxt(b'{"request":' + b"[" * 200_000))
    outside = tmp_path / "outside.png"
    outside.write_bytes(png_bytes())
    recipe = recipe_for(ImageRequest(prompt="../../../outside", seed=1))
    crafted = to_json(recipe).encode()
    for number, (old, new) in enumerate(
        (
            (b'"job":""', b'"job":"../../../../outside"'),
            (b'"created":"2026', b'"created":"../../2026'),
            (b'"labels":{}', b'"labels":{"../x":"../../y"}'),
            (b'"parents":[]', b'"parents":[{"path":"../../../outside.png","asset":"../../x"}]'),
        )
    ):
        assert old in crafted
        write_with_chunk(folder / f"path {number}.png", itxt(crafted.replace(old, new)))
    before = sorted(tmp_path.iterdir())
    copies = tmp_path / "home" / "copies"

    rebuild = "from studio.cli.main import run; run(['library', 'rebuild', '--json'], None)"
    assert json.loads(output_within_150_mb(rebuild, environment))["assets"] == COUNT + 4
    made_up = [
        row for row in found(studio("library", "search", "--json")).values()
        if "downloads" in str(row["path"])
    ]  # fmt: skip
    assert len(made_up) == 4
    for row in made_up:
        assert studio("library", "show", row["id"]).status == 0
        assert studio("library", "export", row["id"], copies).status == 0
    assert sorted(tmp_path.iterdir()) == before
    assert len(list(copies.glob("*.png"))) == 4
