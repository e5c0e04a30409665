"""A new kind has its command, its rows in tables, and appears in queue and library."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    environment = os.environ | {
        "STUDIO_HOME": str(tmp_path / "home"),
        "STUDIO_FAKE_ENGINE": "plain",
        "STUDIO_KINDS": "tests.toy_kind.kind",
        "PYTHONPATH": str(ROOT),
    }

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "studio", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=120,
        )

    return call


def test_its_command_has_its_fields_as_options_and_writes_files(run: Run, tmp_path: Path) -> None:
    help_text = run("tone", "--help").stdout
    assert "--pitch N" in help_text
    assert "(20 to 20000, default 440)" in help_text
    made = run("tone", "-p", "a bell", "--pitch", "880", "-n", "2", "--seed", "3", "-o", "out")
    assert made.returncode == 0, made.stderr
    assert sorted(file.name for file in (tmp_path / "out").glob("*.wav")) == [
        "a-bell-3.wav",
        "a-bell-4.wav",
    ]
    wrong = run("tone", "-p", "a bell", "--pitch", "5")
    assert wrong.returncode == 2
    assert "--pitch '5' is not valid: it must be a whole number of at least 20." in wrong.stderr


def test_its_rows_in_a_table_are_run_and_listed(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("task,prompt,pitch,seed,mood\ntone,bell for {{mood}},660,1,joy\n", "utf-8")
    assert run("batch", str(table), "-o", "out").returncode == 0
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["task"], line["prompt"], line["mood"]) == ("tone", "bell for joy", "joy")
    assert Path(line["path"]).suffix == ".wav"
    table.write_text("task,prompt,pitch\ntone,bell,7\n", "utf-8")
    wrong = run("batch", str(table))
    assert wrong.returncode == 2
    assert "line 2, pitch: pitch must be a whole number of at least 20." in wrong.stderr


def test_it_appears_in_library_and_queue(run: Run) -> None:
    assert run("tone", "-p", "a bell", "--pitch", "880").returncode == 0
    found = [
        json.loads(line)
        for line in run("library", "search", "--task", "tone", "--json").stdout.splitlines()
    ]
    assert [entry["prompt"] for entry in found] == ["a bell"]
    shown = run("library", "show", found[0]["id"], "--json")
    assert json.loads(shown.stdout)["request"]["pitch"] == 880
    listed = [json.loads(line) for line in run("queue", "list", "--json").stdout.splitlines()]
    assert [(entry["task"], entry["about"], entry["status"]) for entry in listed] == [
        ("tone", "a bell", "done")
    ]
    again = run("library", "reproduce", found[0]["id"])
    assert again.returncode == 0, again.stdout + again.stderr
