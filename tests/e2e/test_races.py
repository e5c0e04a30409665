"""Two and three processes on one library at once. `RACES=20` repeats each race so many times."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.recipes.metadata import read_recipe
from studio.library.store import Library
from tests.crash.checker import contradictions
from tests.e2e.conftest import ROOT, CommandResult
from tests.e2e.racer import PROCESSES
from tests.unit.conftest import record
from tests.unit.model_files import write_llama

Command = Callable[..., subprocess.Popen[str]]
RACES = int(os.environ.get("RACES", "1"))


@pytest.fixture
def root(environment: dict[str, str]) -> Path:
    return Path(environment["STUDIO_HOME"]) / "library"


def write_table(path: Path, rows: int, **labels: str) -> Path:
    """Write a table of texts; each label's value ends in the number of its row."""
    lines = [
        {"task": "text", "prompt": f"{path.stem} {n}", "seed": n}
        | {name: f"{value}-{n}" for name, value in labels.items()}
        for n in range(rows)
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def finished(processes: Sequence[subprocess.Popen[str]]) -> list[CommandResult]:
    ran = []
    for process in processes:
        out, err = process.communicate(timeout=300)
        events: list[dict[str, Any]] = [
            json.loads(line) for line in out.splitlines() if line.startswith("{")
        ]
        ran.append(CommandResult(process.returncode, out, err, events))
    for result in ran:
        assert "Traceback" not in result.err
        assert "locked" not in result.err
    return ran


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("_number", range(RACES))
def test_three_processes_that_resume_a_table_make_each_row_once(
    _number: int, command: Command, root: Path, tmp_path: Path
) -> None:
    rows = 150 if RACES > 1 else 50
    table, out = write_table(tmp_path / "t.jsonl", rows, who="w"), tmp_path / "out"
    arguments = ("batch", table, "-o", out, "--json")
    killed = command(*arguments, fake="plain", stop_at="asset:5")
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    ran = finished([command(*arguments, "--resume", fake="plain") for _ in range(PROCESSES)])
    assert [result.status for result in ran] == [0] * PROCESSES
    assert [result.events[-1]["failed"] for result in ran] == [0] * PROCESSES
    made = results(out)
    assert Counter(row["line"] for row in made) == Counter(str(n + 1) for n in range(rows))
    assert all(row["who"] == f"w-{row['seed']}" for row in made)
    files = list(out.glob("*.md"))
    assert {row["path"] for row in made} == {str(file) for file in files}
    assert len(files) == rows
    assert [file.name for file in out.iterdir() if file.name.startswith(".")] == []
    assert 5 + sum(result.events[-1]["assets"] for result in ran) in (rows, rows - 1)
    assert contradictions(root) == []


@pytest.mark.parametrize("_number", range(RACES))
def test_tables_that_run_into_one_folder_keep_their_labels_in_their_columns(
    _number: int, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    tables = {"one": {"who": "a"}, "two": {"place": "b", "who": "c"}, "three": {"error": "d"}}
    rows = 30
    ran = finished(
        [
            command(
                "batch", write_table(tmp_path / f"{name}.jsonl", rows, **labels), "-o", out,
                "--json", fake="plain",
            )
            for name, labels in tables.items()
        ]
    )  # fmt: skip
    assert [result.status for result in ran] == [0] * len(tables)
    made = results(out)
    assert len({row["path"] for row in made}) == len(made) == rows * len(tables)
    for row in made:
        name, n = row["prompt"].split()
        labels = {"place": "", "who": "", "label:error": ""}
        for label, value in tables[name].items():
            labels["label:error" if label == "error" else label] = f"{value}-{n}"
        assert {column: row[column] for column in labels} == labels
        assert row["seed"] == n
        recipe = read_recipe(Path(row["path"]))
        assert recipe is not None and recipe.seed == int(n)


def test_a_table_whose_rows_another_process_is_making_is_waited_for(
    command: Command, tmp_path: Path
) -> None:
    """The one that waits takes over what the other leaves behind, dead or interrupted."""
    table, out = write_table(tmp_path / "t.jsonl", 8), tmp_path / "out"
    arguments = ("batch", table, "-o", out, "--json")
    first = command(*arguments, fake="plain", stop_at="asset:2")
    second = command(*arguments, "--resume", fake="plain")
    assert second.stderr is not None
    assert "Waiting for another process to finish" in second.stderr.readline()
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    (ran,) = finished([second])
    assert ran.status == 0
    assert ran.events[-1]["failed"] == 0
    assert sorted(int(row["line"]) for row in results(out)) == list(range(1, 9))


def test_a_row_that_fails_in_another_process_fails_the_table_that_waits_for_it(
    command: Command, tmp_path: Path
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "out"
    table.write_text("task,prompt,seed,count\ntext,one,1,1\ntext,[rowfail],2,2\ntext,x,3,1\n")
    arguments = ("batch", table, "-o", out, "--json")
    first = command(*arguments, fake="plain", stop_at="asset:1")
    second = command(*arguments, "--resume", fake="plain")
    assert second.stderr is not None
    second.stderr.readline()
    os.kill(first.pid, signal.SIGCONT)
    ran = finished([first, second])
    assert [result.status for result in ran] == [1, 1]
    assert [(r.events[-1]["assets"], r.events[-1]["failed"]) for r in ran[1:]] == [(0, 1)]
    assert sorted(row["line"] for row in results(out)) == ["2", "3", "3", "4"]


def prepare(root: Path) -> set[str]:
    """Make a library with 12 results, 10 waiting jobs and 2 failed ones, and a table beside it.

    Returns the ids of the results.
    """
    library = Library.open(root)
    made = library.queue.enqueue(
        [ImageRequest(prompt=f"fox {n}", seed=n) for n in range(6)]
        + [TextRequest(prompt=f"fox {n}", seed=n) for n in range(6)],
        claim=True,
    )
    ids = {record(library, job, created=job.created).id for job in made}
    for job in made:
        library.queue.finish(job.id, "done")
    failing = [TextRequest(prompt="fails", seed=n) for n in range(2)]
    for job in library.queue.enqueue(failing, claim=True):
        library.queue.finish(job.id, "failed")
    library.queue.enqueue([TextRequest(prompt=f"waits {n}", seed=n) for n in range(10)])
    library.close()
    lines = [f"text,row {n},{n}" for n in range(12)]
    (root.parent / "shared.csv").write_text("\n".join(["task,prompt,seed", *lines]))
    for number in range(PROCESSES):
        write_llama(root.parent / f"model-{number}")
    return ids


def raced(environment: dict[str, str], *racers: str, rounds: int) -> list[CommandResult]:
    """Let processes do what they are told, all at once: for each a sequence of names."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.racer", str(n), str(rounds), *names.split()],
            cwd=ROOT,
            env=environment | {"STUDIO_FAKE_ENGINE": "plain"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        for n, names in enumerate(racers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin is not None
        print(file=process.stdin, flush=True)
    try:
        ran = finished(processes)
    finally:
        for process in processes:
            process.kill()
    for result in ran:
        assert result.status == 0, result.err
        assert "in use by another program" not in result.err + result.out
    return ran


@pytest.mark.parametrize(
    "racers",
    [
        ("create", "create", "create"),
        ("generate enqueue", "generate enqueue", "resume queue clear"),
        ("batch", "batch", "batch"),
        ("batch", "rebuild mark", "mark trash"),
        ("queue", "queue enqueue", "queue clear"),
        ("resume", "resume", "queue"),
        ("mark", "mark", "mark rebuild"),
        ("trash", "trash mark", "empty"),
        ("trash", "rebuild", "rebuild export"),
        ("export", "export search", "mark"),
        ("models", "models", "models"),
    ],
    ids=lambda racers: " | ".join(racers),
)
def test_processes_on_one_library_lose_and_double_nothing(
    racers: tuple[str, ...], environment: dict[str, str], root: Path
) -> None:
    before = prepare(root)
    ran = raced(environment, *racers, rounds=2 * RACES)
    events = [event for result in ran for event in result.events]
    assert [event for event in events if event.get("event") == "failed"] == []
    assert contradictions(root) == []
    paths = [event["path"] for event in events if event.get("event") == "asset"]
    assert len(set(paths)) == len(paths)
    library = Library.open(root)
    kept = [*library.assets.recent(limit=10_000), *library.trash.list()]
    library.close()
    if "empty" not in " ".join(racers):
        assert before <= {asset.id for asset in kept}
    if "trash" not in " ".join(racers):
        assert set(paths) <= {str(asset.path) for asset in kept}
    if (shared := root.parent / "shared").exists():
        made = [row for row in results(shared) if row["path"]]
        assert len({row["path"] for row in made}) == len(made)
        if "batch" in racers:
            assert {row["path"] for row in made} == {str(file) for file in shared.glob("*.md")}
