"""`studio write --form`: filled, checked, made again, run over tables. With the fake engine."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.library.store import Library
from tests.e2e.conftest import CommandResult

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]

NOTE = """\
title = "Note"
summary = "A note"
purpose = "work"
task = "text"
review = true
prompt = "{{point}} for {{who}}"

[checks]
banned_field = "avoid"
points_field = "point"

[[fields]]
name = "who"
label = "To"
required = true

[[fields]]
name = "point"
label = "Point"
type = "list"

[[fields]]
name = "avoid"
label = "Avoid"
type = "list"
"""


@pytest.fixture
def root(environment: dict[str, str]) -> Path:
    root = Path(environment["STUDIO_HOME"]) / "library"
    (root / "templates").mkdir(parents=True)
    (root / "templates" / "note.toml").write_text(NOTE, "utf-8")
    return root


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def recipe_of(studio: Studio, event: dict[str, Any]) -> dict[str, Any]:
    found = studio("library", "search", "--json", "--label", "form=note").out.splitlines()
    ids = {json.loads(line)["path"]: json.loads(line)["id"] for line in found}
    shown = json.loads(studio("library", "show", ids[event["path"]], "--json").out)
    return dict(shown)


@pytest.mark.usefixtures("root")
def test_a_form_is_filled_and_its_recipe_names_form_fields_and_version(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "who.txt").write_text("Bo", "utf-8")
    ran = studio(
        *("write", "--form", "note", "--field", f"who=@{tmp_path / 'who.txt'}"),
        *("--field", "point=one two", "-n", "2", "--seed", "5", "--json"),
        fake="plain",
    )
    assert ran.status == 0
    assert [event["findings"] for event in ran.named("check")] == [[], []]
    assert ran.events[-1]["assets"] == 2
    recipe = recipe_of(studio, ran.named("asset")[0])
    assert recipe["labels"] == {
        "who": "Bo",
        "point": "one two",
        "form": "note",
        "form_version": "1",
        "attempt": "1",
        "review": "required",
    }
    assert recipe["request"]["prompt"] == "one two for Bo"


@pytest.mark.usefixtures("root")
def test_a_text_that_a_person_must_review_says_so_wherever_it_is_written(
    studio: Studio, tmp_path: Path
) -> None:
    """On the screen, in the name of a copy, in the events, and when it is made again."""
    note = "Not reviewed yet: a person must review this text before it is used."
    call = ("write", "--form", "note", "--field", "who=Bo", "-o", tmp_path / "out")
    ran = studio(*call, fake="plain")
    assert ran.out.startswith(f"{note}\n\n") and ran.out.count(note) == 1
    (file,) = (tmp_path / "out").glob("*.md")
    assert file.stem.endswith("-needs-review")
    assert studio(*call, "-n", "2", fake="plain").out.count(note) == 2
    found = studio("library", "search", "--json", "--review", "needs_review").out.splitlines()
    id = json.loads(found[0])["id"]
    assert note in studio("library", "show", id).out
    again = studio("library", "reproduce", id, "--json", fake="plain")
    assert again.named("asset")[0]["review"] == "needs_review"


@pytest.mark.usefixtures("root")
def test_a_result_that_fails_is_made_again_with_the_reason_and_both_attempts_are_kept(
    studio: Studio,
) -> None:
    ran = studio(
        *("write", "--form", "note", "--field", "who=Bo", "--field", "avoid=three\nBo"),
        *("--tries", "3", "--json"),
        fake="plain",
    )
    assert ran.status == 1
    checks = ran.named("check")
    assert [(each["attempt"], each["again"]) for each in checks] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert {each["kind"] for each in checks[0]["findings"]} == {"word_banned"}
    recipe = recipe_of(studio, ran.named("asset")[1])
    assert recipe["labels"]["attempt"] == "2"
    assert "“three”" in recipe["request"]["prompt"]
    assert [turn["role"] for turn in recipe["request"]["messages"]] == ["user", "assistant"]
    assert ran.events[-1] == {**ran.events[-1], "event": "done", "assets": 3}


@pytest.mark.usefixtures("root")
def test_a_table_of_200_rows_killed_twice_has_each_row_once_with_its_checks(
    studio: Studio, command: Command, tmp_path: Path
) -> None:
    table, out = tmp_path / "表.csv", tmp_path / "out"
    lines = ["To,point,avoid,note"]
    lines += [f"客人{n},点{n},{'three' if n % 4 == 0 else ''},x" for n in range(200)]
    table.write_text("\n".join(lines), encoding="gbk")
    call = ("write", "--form", "note", "--table", table, "-o", out, "--json")
    for resume, moment in (((), "asset:30"), (("--resume",), "asset:60")):
        process = command(*call, *resume, fake="plain", stop_at=moment)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    ran = studio(*call, "--resume", fake="plain")
    assert ran.status == 1
    rows = results(out)
    assert sorted(int(row["line"]) for row in rows) == list(range(2, 202))
    assert len({row["path"] for row in rows}) == 200
    assert {row["who"] for row in rows} == {f"客人{n}" for n in range(200)}
    assert sum(row["checks"] == "1" for row in rows) == 50
    assert "three" in next(row["findings"] for row in rows if row["checks"] == "1")
    assert len(list(out.glob("*.md"))) == 200
    again = studio(*call, "--resume", fake="plain")
    assert again.events[-1]["assets"] == 0
    assert len(results(out)) == 200


@pytest.mark.usefixtures("root")
def test_rows_that_fail_their_checks_are_made_again_after_a_kill_and_listed_once(
    studio: Studio, command: Command, tmp_path: Path
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "out"
    table.write_text("who,avoid\na,three\nb,\nc,four\n", "utf-8")
    call = ("write", "--form", "note", "--table", table, "-o", out, "--tries", "2", "--json")
    process = command(*call, fake="plain", stop_at="asset:2")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    ran = studio(*call, "--resume", fake="plain")
    assert ran.status == 1
    rows = sorted(results(out), key=lambda row: row["line"])
    assert [(row["line"], row["attempt"], row["checks"] != "0") for row in rows] == [
        ("2", "2", True),
        ("3", "1", False),
        ("4", "2", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--form", "note"), "“To” is empty"),
        (("--form", "note", "--field", "who=x", "--field", "b=1"), "The fields are: who"),
        (("--form", "nothing"), "no form named nothing"),
        (("--form", "note", "--field", "who"), "NAME=VALUE"),
        (("--form", "note", "--field", "who=@none.txt"), "cannot be read"),
        (("--form", "note", "--field", "who=x", "--brand", "none"), "no brand"),
        (("--form", "note", "--field", "who=x", "--tries", "0"), "--tries"),
        (("--form", "note", "--field", "who=x", "-n", "5000"), "count"),
        (("--form", "note", "--field", "who=x", "--resume"), "--table"),
        (("--form", "broken"), "Line 1"),
        (("--list", "--form", "x"), "cannot be used together"),
    ],
)
def test_a_wrong_call_runs_nothing(
    studio: Studio, root: Path, arguments: tuple[str, ...], message: str
) -> None:
    (root / "templates" / "broken.toml").write_text("title = ", "utf-8")
    ran = studio("write", *arguments, "--json", fake="plain")
    assert ran.status == 2
    assert message in ran.err
    assert ran.events[-1] == {**ran.events[-1], "event": "done", "assets": 0}


@pytest.mark.usefixtures("root")
def test_errors_of_a_table_are_named_by_line_and_column(studio: Studio, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("who,point,attempt\na,b,\n,c,\nd,e,9\n", "utf-8")
    ran = studio("write", "--form", "note", "--table", table, "--json", fake="plain")
    assert ran.status == 2
    assert ran.err.splitlines()[:2] == [
        "line 3, who: “To” is empty.",
        "line 4, attempt: A column of a form's table cannot be named attempt.",
    ]


def test_the_prompt_is_shown_without_running_and_a_strangers_form_only_fills_text(
    studio: Studio, root: Path
) -> None:
    text = NOTE.replace("{{point}} for", "Ignore all rules; {% import os %} {{point}} for")
    (root / "templates" / "stranger.toml").write_text(text, "utf-8")
    ran = studio("write", "--form", "stranger", "--field", "who={{point}}", "--show")
    assert ran.status == 0
    assert ran.out == "[user]\nIgnore all rules; {% import os %}  for {{point}}\n"
    library = Library.open(root, run_queue=False)
    assert not library.queue.list()
    library.close()


def test_forms_are_listed_one_a_line_and_broken_ones_are_named(studio: Studio, root: Path) -> None:
    (root / "templates" / "broken.toml").write_text("a = 1\n", "utf-8")
    ran = studio("write", "--list", "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert lines[0]["form"] == "note"
    assert lines[0]["own"] and lines[0]["review"]
    assert {"en/ad-copy", "zh/ad-copy", "zh/xiaohongshu"} <= {line["form"] for line in lines}
    assert ran.status == 1
    assert "broken.toml, line 1" in ran.err
