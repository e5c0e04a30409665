"""Very many requests: a table of 50,000 rows killed and resumed, a hundred tabs at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from studio.kinds.text import TextRequest
from studio.library.store import Library
from tests.e2e.conftest import CommandResult
from tests.e2e.library_checks import checked_results

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]
ROWS = 50_000
TABS = 100


@pytest.fixture
def root(environment: dict[str, str]) -> Path:
    return Path(environment["STUDIO_HOME"]) / "library"


def test_a_table_of_50000_rows_is_stored_before_its_first_row_runs(
    command: Command, root: Path, tmp_path: Path
) -> None:
    table, out = tmp_path / "表格.csv", tmp_path / "out"
    lines = ["task,prompt,seed", *(f"text,第 {n} 只狐狸,{n}" for n in range(ROWS))]
    table.write_text("\n".join(lines), encoding="gbk")
    kept: set[str] = set()
    for resume in ([], ["--resume"]):
        process = command("batch", table, "-o", out, "--json", *resume, fake="plain")
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "asset":
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        here = {asset.id for asset in checked_results(root, out)}
        assert kept < here
        kept = here
        library = Library.open(root, run_queue=False)
        assert library.queue.counts() == {"done": len(kept), "interrupted": ROWS - len(kept)}
        library.close()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\ufeffprompt,seed\na fox,1\n", "no column `task`"),
        ("\ufefftask,seed\n" + "text,1\n" * ROWS, "line 2, prompt"),
        ("\ufefftask,prompt\nupscale,x\n", "line 2, input"),
    ],
    ids=["no task", "no prompt in any row", "no input"],
)
def test_a_table_without_a_required_column_runs_nothing(
    studio: Studio, root: Path, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    ran = studio("batch", tmp_path / "t.csv", "--json", fake="plain")
    assert ran.status == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) <= 101
    assert ran.events[-1]["event"] == "done"
    assert not root.exists()


def test_a_hundred_tabs_at_once_are_each_answered_once(studio: Studio, root: Path) -> None:
    """Half of them in another window, which opened the same library."""
    windows = [Library.open(root), Library.open(root)]
    together = Barrier(TABS)

    def press_generate(tab: int) -> str:
        together.wait()
        (job,) = windows[tab % 2].queue.enqueue([TextRequest(prompt=f"tab {tab}", seed=tab)])
        return job.id

    with ThreadPoolExecutor(TABS) as pool:
        ids = list(pool.map(press_generate, range(TABS)))
    for window in windows:
        window.close()
    assert len(set(ids)) == TABS
    ran = studio("queue", "resume", "--json", fake="plain")
    assert ran.status == 0
    made = checked_results(root)
    assert {asset.job: asset.prompt for asset in made} == {
        job: f"tab {tab}" for tab, job in enumerate(ids)
    }
