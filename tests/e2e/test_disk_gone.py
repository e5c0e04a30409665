"""The library's folder read-only, unplugged, plugged in again, moved: on real processes."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.library.store import Library
from tests.e2e.conftest import ROOT, CommandResult
from tests.e2e.library_checks import checked_results

Studio = Callable[..., CommandResult]
ROWS = 30
_DROP_FROM_BOUNDING_SET = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def obey_permissions() -> None:
    """Drop root's capabilities to ignore permissions. Called in the child before exec."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "家 🏡"


@pytest.fixture
def environment(environment: dict[str, str], home: Path) -> dict[str, str]:
    return environment | {"STUDIO_HOME": str(home), "STUDIO_FAKE_ENGINE": "plain"}


@pytest.fixture
def root(home: Path) -> Path:
    return home / "library"


@pytest.fixture
def start(
    command: Callable[..., subprocess.Popen[str]],
) -> Callable[..., subprocess.Popen[str]]:
    """Start `studio` so that file permissions apply to it, also where the tests run as root."""
    if sys.platform != "linux" and os.geteuid() == 0:
        pytest.skip("permissions do not apply to root here")
    return partial(command, preexec_fn=obey_permissions)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    table = tmp_path / "table.jsonl"
    rows = [{"task": "text", "prompt": f"狐狸 {n}", "seed": n} for n in range(ROWS)]
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return table


@pytest.fixture
def locked(root: Path) -> Iterator[Callable[[bool], None]]:
    """Make every folder of the library read-only, or writable again."""

    def lock(shut: bool) -> None:
        for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
            folder.chmod(0o555 if shut else 0o755)

    yield lock
    lock(False)


def change_and_continue(
    process: subprocess.Popen[str], change: Callable[[], object]
) -> list[dict[str, Any]]:
    """Change something while the command is stopped; return the events that follow."""
    change()
    process.send_signal(signal.SIGCONT)
    printed, complaint = process.communicate(timeout=120)
    assert "Traceback" not in complaint
    return [json.loads(line) for line in printed.splitlines()]


def check_resumed(studio: Studio, table: Path, root: Path) -> None:
    kept = checked_results(root)
    assert 4 <= len(kept) < ROWS
    ran = studio("batch", table, "--json", "--resume")
    made = checked_results(root)
    assert (ran.status, len(ran.named("asset")), len(made)) == (0, ROWS - len(kept), ROWS)
    assert {asset.id for asset in kept} <= {asset.id for asset in made}


def test_a_batch_resumes_after_its_library_was_read_only(
    studio: Studio,
    start: Callable[..., subprocess.Popen[str]],
    locked: Callable[[bool], None],
    table: Path,
    root: Path,
) -> None:
    process = start("batch", table, "--json", stop_at="asset:4")
    events = change_and_continue(process, lambda: locked(True))
    messages = [event["message"] for event in events if event["event"] == "failed"]
    assert process.returncode == 1
    assert messages and all("cannot be written to" in message for message in messages)
    locked(False)
    check_resumed(studio, table, root)


@pytest.mark.parametrize(
    ("arguments", "status"), [(("text", "-p", "x", "--json"), 2), (("library", "search", "x"), 0)]
)
def test_a_library_that_is_not_writable_is_reported(
    studio: Studio,
    start: Callable[..., subprocess.Popen[str]],
    locked: Callable[[bool], None],
    root: Path,
    arguments: tuple[str, ...],
    status: int,
) -> None:
    assert studio("text", "-p", "x").status == 0
    locked(True)
    process = start(*arguments)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == status
    assert complaint.count("\n") == 1
    assert f"{root} cannot be written to" in complaint
    locked(False)
    assert len(checked_results(root)) == 1


@pytest.mark.parametrize("mount_point", [False, True], ids=["folder gone", "empty mount point"])
def test_an_unplugged_library_is_not_recreated_and_its_batch_resumes_later(
    studio: Studio,
    start: Callable[..., subprocess.Popen[str]],
    table: Path,
    root: Path,
    tmp_path: Path,
    mount_point: bool,
) -> None:
    away = tmp_path / "unplugged"

    def unplug() -> None:
        root.rename(away)
        if mount_point:
            root.mkdir()

    process = start("batch", table, "--json", stop_at="asset:4")
    events = change_and_continue(process, unplug)
    messages = [event["message"] for event in events if event["event"] == "failed"]
    assert process.returncode == 1
    assert messages and all("is no longer there" in message for message in messages)
    if mount_point:
        root.rmdir()
    away.rename(root)
    check_resumed(studio, table, root)


def test_a_batch_whose_library_is_moved_away_saves_nothing_in_another_at_its_place(
    studio: Studio,
    start: Callable[..., subprocess.Popen[str]],
    table: Path,
    root: Path,
    home: Path,
    tmp_path: Path,
) -> None:
    away = tmp_path / "moved"

    def move() -> None:
        root.rename(away)
        assert studio("text", "-p", "a library of its own").status == 0

    process = start("batch", table, "--json", stop_at="asset:4")
    events = change_and_continue(process, move)
    messages = [event["message"] for event in events if event["event"] == "failed"]
    assert process.returncode == 1
    assert messages and all("was moved away" in message for message in messages)
    assert len(checked_results(root)) == 1
    assert not (root / "results.csv").exists()
    (home / "settings.json").write_text(json.dumps({"library": str(away)}), "utf-8")
    check_resumed(studio, table, away)


_MOUNTED = """
set -e
studio() { "$PYTHON" -m studio "$@"; }
mount -t tmpfs disk "$DISK"
studio text -p first -o "$DISK" --json > first
mkdir "$DISK/out"
studio text -p first -o "$DISK/out" --json > below
umount "$DISK"
studio text -p second -o "$DISK" --json > second || echo $? >> second
studio text -p second -o "$DISK/out" --json >> second || echo $? >> second
ls -A "$DISK" > left
touch "$DISK/used without a disk"
studio text -p third -o "$DISK" --json > third
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a disk")
def test_an_output_folder_is_not_made_in_the_empty_mount_point_of_its_disk(
    environment: dict[str, str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "x", disk], check=False).returncode:
        pytest.skip("not allowed to mount a disk")
    ran = subprocess.run(
        ["unshare", "-m", "bash", "-c", _MOUNTED],
        cwd=tmp_path,
        env=environment | {"PYTHON": sys.executable, "DISK": str(disk), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = (tmp_path / "second").read_text("utf-8").splitlines()
    assert [line for line in lines if line.isdigit()] == ["2", "2"]
    assert sum(f"{disk} is no longer there" in line for line in lines) == 2
    assert (tmp_path / "left").read_text() == ""
    assert '"assets": 1' in (tmp_path / "third").read_text("utf-8")


def test_a_configured_library_on_an_unplugged_disk_is_not_recreated(
    studio: Studio, home: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "disk" / "my library"
    chosen.mkdir(parents=True)
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"library": str(chosen)}), "utf-8")
    assert studio("text", "-p", "a fox").status == 0
    away = chosen.rename(tmp_path / "unplugged")
    for command in (("text", "-p", "a fox"), ("library", "search"), ("queue", "list")):
        ran = studio(*command)
        assert ran.status == 2
        assert f"{chosen} does not exist. Connect its disk" in ran.err
    assert not chosen.exists()
    away.rename(chosen)
    assert len(studio("library", "search", "--json").out.splitlines()) == 1


def test_a_moved_library_keeps_all_results_and_their_parents(
    studio: Studio, root: Path, home: Path, tmp_path: Path
) -> None:
    drawn = studio("image", "-p", "一只狐狸", "--size", "64x64", "--json").named("asset")[0]
    larger = studio("upscale", drawn["path"], "--json").named("asset")[0]
    library = Library.open(root)
    ids = {asset.id for asset in library.assets.recent()}
    library.close()
    new_home = tmp_path / "搬家 📦 new"
    shutil.move(home, new_home)
    moved = {"STUDIO_HOME": str(new_home)}
    found = [json.loads(x) for x in studio("library", "search", "--json", **moved).out.splitlines()]
    assert {each["id"] for each in found} == ids
    assert all(Path(each["path"]).is_file() for each in found)
    assert all(Path(each["path"]).is_relative_to(new_home) for each in found)
    for rebuilt in (False, True):
        if rebuilt:
            (new_home / "library" / "library.db").unlink()
            ran = studio("library", "rebuild", "--json", **moved)
            assert json.loads(ran.out)["assets"] == 2
        library = Library.open(new_home / "library")
        (parent,) = [asset for asset in library.assets.recent() if asset.task == "image"]
        (child,) = [asset for asset in library.assets.recent() if asset.task == "upscale"]
        assert [made.asset for made in child.recipe.parents] == [parent.id]
        assert child.path.name == Path(larger["path"]).name
        assert parent.path.is_file()
        library.close()
    # The upscaled picture can be reproduced although the path in its recipe is gone.
    ran = studio("library", "reproduce", child.id, "--json", **moved)
    assert ran.status == 0
    with Image.open(ran.named("asset")[0]["path"]) as picture:
        assert picture.size == (128, 128)
