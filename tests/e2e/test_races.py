"""Two and three processes on one library at once. `RACES=20` repeats each race so many times."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from studio.library.recipes.metadata import read_recipe
from tests.crash.checker import contradictions
from tests.e2e.conftest import CommandResult

Command = Callable[..., subprocess.Popen[str]]
PROCESSES = 3
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
