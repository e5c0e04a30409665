"""A library of a newer version, through the command line."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.kinds.coding import to_json
from studio.kinds.text import TextRequest
from studio.library.recipes.metadata import read_recipe
from studio.library.store import Library
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_llama
from tests.unit.newer_build import FILES, REQUESTS, asset_of, recipe_text, write_library

Studio = Callable[..., CommandResult]


@pytest.fixture
def root(environment: dict[str, str], tmp_path: Path) -> Path:
    folder = Path(environment["STUDIO_HOME"]) / "library"
    environment["STUDIO_STARTER"] = str(tmp_path / "starter")
    write_library(folder)
    return folder


@pytest.mark.usefixtures("root")
def test_its_results_are_found_shown_and_exported(studio: Studio, tmp_path: Path) -> None:
    ran = studio("library", "search", "--json")
    assert (ran.status, ran.err) == (0, "")
    assert {line["id"] for line in map(json.loads, ran.out.splitlines())} == set(
        map(asset_of, FILES)
    )
    assert studio("library", "search", "aloud").out.count("hologram") >= 3
    for name in ("hologram.wav", "steps.png"):
        shown = studio("library", "show", asset_of(name))
        assert (shown.status, shown.err) == (0, "")
    assert "9000" in shown.out
    recipe = json.loads(studio("library", "show", asset_of("hologram.wav"), "--json").out)
    assert recipe == json.loads(recipe_text("hologram.wav")) | recipe
    ids = [asset_of(name) for name in FILES]
    ran = studio("library", "export", *ids, tmp_path / "plain")
    assert (ran.status, len(ran.out.splitlines())) == (0, len(FILES))
    ran = studio("library", "export", asset_of("film.png"), tmp_path / "web", "--format", "webp")
    copied = read_recipe(Path(ran.out.strip()))
    assert copied is not None
    assert json.loads(to_json(copied)) == json.loads(to_json(copied)) | json.loads(
        recipe_text("film.png")
    )


def test_its_jobs_wait_with_a_reason_and_later_ones_run(
    studio: Studio, root: Path, tmp_path: Path
) -> None:
    write_llama(tmp_path / "starter" / "smollm2-135m-instruct")
    library = Library.open(root)
    own = [
        job.id for job in library.queue.enqueue([TextRequest(prompt="x", seed=n) for n in range(2)])
    ]
    library.close()
    listed = studio("queue", "list")
    assert listed.status == 0
    assert listed.out.count("another version of Prompt Studio") == len(REQUESTS) - 3
    assert "steps must be a whole number of at most 500." in listed.out
    ran = studio("queue", "resume", "--json", fake="plain")
    assert (ran.status, ran.named("done")[0]["assets"]) == (0, 2)
    listed = studio("queue", "list", "--json")
    jobs = {job["id"]: job for job in map(json.loads, listed.out.splitlines())}
    assert {jobs[name]["status"] for name in own} == {"done"}
    waiting = [job for job in jobs.values() if job["status"] == "queued"]
    assert len(waiting) == len(REQUESTS) and all(job["obstacle"] for job in waiting)
    for action in ("duplicate", "retry"):
        ran = studio("queue", action, "waiting-0")
        assert (ran.status, ran.out) == (2, "")
    ran = studio("library", "reproduce", asset_of("hologram.md"), "--json", fake="plain")
    assert ran.status == 2
    assert "another version of Prompt Studio" in ran.err


def test_a_rebuild_counts_every_result(studio: Studio, root: Path) -> None:
    ran = studio("library", "rebuild", "--json")
    assert (json.loads(ran.out)["assets"], ran.err) == (len(FILES), "")
    assert not list(root.glob("*damaged*"))


def test_a_resumed_table_lists_lines_that_wait_for_another_version(
    studio: Studio, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["STUDIO_STARTER"] = str(tmp_path / "starter")
    write_llama(tmp_path / "starter" / "smollm2-135m-instruct")
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("task,prompt,seed\ntext,one,1\ntext,two,2\ntext,three,3\n")
    assert studio("batch", table, "-o", out, fake="plain").status == 0
    index = Path(environment["STUDIO_HOME"]) / "library" / "library.db"
    with contextlib.closing(sqlite3.connect(index)) as db, db:
        db.execute("DELETE FROM job_rows")
        db.execute("UPDATE jobs SET status = 'interrupted' WHERE number > 1")
        db.execute("UPDATE jobs SET request = json_set(request, '$.mood', 'calm') WHERE number = 2")
    ran = studio("batch", table, "-o", out, "--resume", "--json", fake="plain")
    assert "line 3: This was made with another version of Prompt Studio" in ran.err
    assert (ran.status, ran.events[-1]["assets"]) == (1, 1)
