"""A full disk, simulated by the operating system: a limit on the size of files (EFBIG).

The limit is set for running processes from outside and removed again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.e2e.conftest import ROOT, CommandResult
from tests.e2e.library_checks import checked_results
from tests.e2e.test_batch import results
from tests.unit.conftest import record

resource = pytest.importorskip("resource")
if not hasattr(resource, "prlimit"):
    pytest.skip("only Linux limits another process", allow_module_level=True)

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]
ROWS = 40
SMALL = 20_000
"""Bytes: enough for an answer or a fake picture, less than the library's index has already."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "结果 out"


@pytest.fixture
def root(environment: dict[str, str]) -> Path:
    return Path(environment["STUDIO_HOME"]) / "library"


def limit(pid: int, size: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def engine_of(process: subprocess.Popen[str]) -> int:
    (engine,) = [
        int(child.pid)
        for child in psutil.Process(process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    return engine


def run_out_of_room(process: subprocess.Popen[str], *, pid: int, size: int) -> list[dict[str, Any]]:
    """Limit the files of `pid` to `size` bytes and let the stopped command run to its end."""
    limit(pid, size)
    process.send_signal(signal.SIGCONT)
    printed, _ = process.communicate(timeout=120)
    return [json.loads(line) for line in printed.splitlines()]


def table_of(folder: Path, rows: list[dict[str, object]]) -> Path:
    table = folder / "table.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return table


def check_full_then_resume(
    studio: Studio, events: list[dict[str, Any]], table: Path, out: Path, root: Path
) -> int:
    """Assert that no partial file is left and why it failed; resume without the limit.

    Return how many results there were before the batch was resumed.
    """
    failed = [event for event in events if event["event"] == "failed"]
    assert {event["kind"] for event in failed} == {"disk_full"}
    assert all("is full. " in event["message"] for event in failed)
    assert events[-1]["event"] == "done"
    kept = checked_results(root, out)
    rows = len(table.read_text("utf-8").splitlines())
    ran = studio("batch", table, "-o", out, "--json", "--resume", fake="plain")
    assert ran.status == 0
    made = checked_results(root, out)
    assert len(made) == rows
    assert {asset.path for asset in kept} <= {asset.path for asset in made}
    assert len(ran.named("asset")) <= rows - len(kept)
    listed = [row["path"] for row in results(out) if row["path"]]
    assert sorted(listed) == sorted(str(asset.path) for asset in made)
    return len(kept)


def test_a_disk_full_during_a_save_loses_only_that_result(
    studio: Studio, command: Command, out: Path, root: Path, tmp_path: Path
) -> None:
    Image.effect_noise((500, 500), 90).convert("RGB").save(tmp_path / "in.png")
    table = table_of(tmp_path, [{"task": "upscale", "input": "in.png", "scale": 2}] * 8)
    process = command("batch", table, "-o", out, "--json", fake="plain", stop_at="asset:3")
    # Below a picture, above the library's index.
    events = run_out_of_room(process, pid=process.pid, size=1_000_000)
    assert process.returncode == 1
    assert 3 <= check_full_then_resume(studio, events, table, out, root) < 8


def test_a_disk_full_in_the_engine_loses_only_the_current_result(
    studio: Studio, command: Command, out: Path, root: Path, tmp_path: Path
) -> None:
    rows = [{"task": "text", "prompt": f"row {n}", "seed": n} for n in range(ROWS)]
    table = table_of(tmp_path, rows)
    process = command("batch", table, "-o", out, "--json", fake="plain", stop_at="asset:3")
    events = run_out_of_room(process, pid=engine_of(process), size=1)
    assert process.returncode == 1
    assert 3 <= check_full_then_resume(studio, events, table, out, root) < ROWS


def test_a_disk_full_during_a_database_write_keeps_the_file_without_a_row(
    studio: Studio, command: Command, out: Path, root: Path, tmp_path: Path
) -> None:
    rows = [{"task": "text", "prompt": f"row {n}", "seed": n} for n in range(ROWS)]
    table = table_of(tmp_path, rows)
    process = command("batch", table, "-o", out, "--json", fake="plain", stop_at="asset:3")
    events = run_out_of_room(process, pid=process.pid, size=SMALL)
    assert process.returncode == 1
    # Every answer has its file; the next start adopts them all.
    assert check_full_then_resume(studio, events, table, out, root) == ROWS


@pytest.mark.parametrize("size", [1, SMALL])
def test_a_disk_that_is_full_from_the_start_is_reported(
    studio: Studio, environment: dict[str, str], root: Path, size: int
) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "studio", "text", "-p", "x", "--json"],
        cwd=ROOT,
        env=environment | {"STUDIO_FAKE_ENGINE": "plain"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    events = [json.loads(line) for line in process.stdout.splitlines()]
    assert process.returncode == 2
    assert (events[0]["kind"], events[-1]["event"]) == ("disk_full", "done")
    assert studio("text", "-p", "x", "--json", fake="plain").status == 0
    assert len(checked_results(root)) == 1


def test_a_job_that_failed_on_a_full_disk_can_be_resumed_without_a_restart(root: Path) -> None:
    library = Library.open(root)
    jobs = library.queue.enqueue(
        [TextRequest(prompt="one", seed=1), TextRequest(prompt="two", seed=2)]
    )
    first = library.queue.start(jobs[0])
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, usual[1]))
    try:
        with pytest.raises(ProblemError) as caught:
            record(library, first, created=datetime.now().astimezone().isoformat())
        full = caught.value.problem
        with pytest.raises(ProblemError):
            library.queue.finish(first.id, "failed", full)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert full.kind == "disk_full"
    assert library.next_job() == jobs[1]
    ended = library.queue.get(first.id)
    assert ended is not None
    assert (ended.status, ended.problem) == ("failed", full)
    # The answer already has its file, so nothing is missing.
    assert library.queue.missing_rows(library.retries.resume(first.id)) == ()
    library.close()
    assert len(checked_results(root)) == 1


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes, where mounting is permitted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here; the limits above say the same")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_batch_that_filled_a_real_disk_completes_when_the_disk_is_larger(
    studio: Studio, environment: dict[str, str], tiny_disk: Path, tmp_path: Path
) -> None:
    root = tiny_disk / "图库"
    root.mkdir()
    home = Path(environment["STUDIO_HOME"])
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"library": str(root)}), "utf-8")
    prompts = [f"{'狐狸 ' * 300}{n}" for n in range(200)]
    table = table_of(tmp_path, [{"task": "text", "prompt": p, "seed": 1} for p in prompts])
    ran = studio("batch", table, "--json", fake="plain")
    assert ran.status == 1
    assert {event["kind"] for event in ran.named("failed")} == {"disk_full"}
    assert studio("library", "search", "狐狸", "--json").status == 0
    subprocess.run(["mount", "-o", "remount,size=60m", str(tiny_disk)], check=True)
    assert studio("batch", table, "--json", "--resume", fake="plain").status == 0
    made = checked_results(root)
    assert sorted(asset.prompt for asset in made) == sorted(prompts)
    listed = [row["path"] for row in results(root) if row["path"]]
    assert sorted(listed) == sorted(str(asset.path) for asset in made)
