"""`studio batch`, `queue` and `library`: killed, resumed, searched. With the fake engine."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.kinds.text import TextRequest
from studio.library.store import Library
from tests.e2e.conftest import CommandResult

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """24 rows of all three tasks."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "in.png")
    lines = ["task,prompt,seed,input,scale,who"]
    for n in range(8):
        lines += [f"text,hello {n},{n},,,anna", f"text,狐狸 {n},{n},,,ben", "upscale,,,in.png,2,x"]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="gbk")
    return path


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def whole(path: Path) -> bool:
    if path.suffix == ".md":
        return "prompt_studio:" in path.read_text("utf-8")
    with Image.open(path) as image:
        image.load()
        return "prompt_studio" in image.info


def test_a_batch_killed_twice_is_resumed_without_duplicates(
    studio: Studio, command: Command, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out 中"
    for resume, moment in (((), "asset:4"), (("--resume",), "asset:7")):
        arguments = ("batch", table, "-o", out, "--json", *resume)
        process = command(*arguments, fake="plain", stop_at=moment)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    ran = studio("batch", table, "-o", out, "--json", "--resume", fake="plain")
    assert ran.status == 0
    files = [f for f in out.iterdir() if f.suffix in (".md", ".png")]
    assert len(files) == 24
    assert all(whole(file) for file in files)
    assert [f.name for f in out.iterdir() if f.name.startswith(".")] == []
    found = studio("library", "search", "--json", "--limit", 100).out.splitlines()
    assert {json.loads(line)["path"] for line in found} == {str(file) for file in files}


def test_a_batch_whose_index_is_lost_resumes_with_the_rows_that_have_no_results(
    studio: Studio, environment: dict[str, str], tmp_path: Path
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "out"
    Image.new("RGB", (8, 8), "red").save(tmp_path / "in.png")
    header = "task,prompt,count,input\n"
    table.write_text(f"{header}text,one,2,\ntext,[fail],,\nimage,three,1,\nupscale,,,in.png\n")
    assert studio("batch", table, "-o", out, fake="plain").status == 1
    made = {file.name for file in out.iterdir()}
    assert len(made) == 5
    for file in (Path(environment["STUDIO_HOME"]) / "library").glob("*.db*"):
        file.unlink()

    ran = studio("batch", table, "-o", out, "--resume", "--json", fake="plain")
    assert (ran.status, ran.events[-1]["assets"], ran.events[-1]["failed"]) == (1, 0, 1)
    assert {file.name for file in out.iterdir()} == made
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "other.png")
    table.write_text(f"{header}text,other,1,\n\n\nupscale,,,other.png\n")
    assert "has not been run" in studio("batch", table, "-o", out, "--resume", fake="plain").err


def test_a_failing_row_leaves_the_others_and_is_listed_in_the_results(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("task,prompt\ntext,one\ntext,[fail]\ntext,[bug]\ntext,four\n")
    ran = studio("batch", tmp_path / "t.csv", "-o", tmp_path / "out", "--json", fake="plain")
    assert ran.status == 1
    assert (ran.events[-1]["assets"], ran.events[-1]["failed"]) == (2, 2)
    rows = sorted(results(tmp_path / "out"), key=lambda row: row["line"])
    assert [(row["line"], bool(row["path"]), bool(row["error"])) for row in rows] == [
        ("2", True, False),
        ("3", False, True),
        ("4", False, True),
        ("5", True, False),
    ]


def test_answers_of_a_table_are_divided_by_their_schema(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text('{"type": "object", "properties": {"name": {}, "n": {}}}')
    lines = "task,prompt,seed,schema\ntext,one,1,form.json\ntext,two,2,form.json\ntext,three,3,\n"
    (tmp_path / "t.csv").write_text(lines)
    assert studio("batch", tmp_path / "t.csv", "-o", tmp_path / "out", fake="plain").status == 0
    rows = sorted(results(tmp_path / "out"), key=lambda row: row["line"])
    cells = [(row["name"], row["n"]) for row in rows]
    assert cells == [("name 1", "n 1"), ("name 2", "n 2"), ("", "")]


def test_errors_are_listed_by_line_and_nothing_runs(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "task,prompt,count,input\ntext,ok,1,\ntext,bad,0,\npaint,x,1,\nupscale,,,gone.png\n"
        "upscale,,,t.csv\n"
    )
    ran = studio("batch", tmp_path / "t.csv", "-o", tmp_path / "out", fake="plain")
    assert (ran.status, ran.out) == (2, "")
    assert "line 3, count" in ran.err
    assert "line 4, task" in ran.err
    assert "line 5, input" in ran.err
    assert "line 6, input: t.csv is not a picture" in ran.err
    assert not (tmp_path / "out").exists()


def test_an_encoding_that_is_not_certain_is_named_and_can_be_given(
    studio: Studio, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes("task,prompt\ntext,블랙\n".encode("euc-kr"))
    guessed = studio("batch", table, "-o", tmp_path / "out", fake="plain")
    assert "t.csv is not certain; it is read as GB 18030" in guessed.err
    given = studio("batch", table, "-o", tmp_path / "given", "--encoding", "euc-kr", fake="plain")
    assert "not certain" not in given.err
    assert results(tmp_path / "given")[0]["prompt"] == "블랙"
    wrong = studio("batch", table, "-o", tmp_path / "out", "--encoding", "klingon")
    assert wrong.status == 2
    assert "klingon is not an encoding" in wrong.err


def test_labels_are_kept_in_the_recipes_of_results(
    studio: Studio, table: Path, tmp_path: Path
) -> None:
    studio("batch", table, "-o", tmp_path / "out", "--json", fake="plain")
    found = [json.loads(x) for x in studio("library", "search", "狐狸", "--json").out.splitlines()]
    assert len(found) == 8
    recipe = json.loads(studio("library", "show", found[0]["id"], "--json").out)
    assert recipe["labels"]["who"] == "ben"


def test_an_interrupted_job_is_listed_and_can_be_cancelled(
    studio: Studio, command: Command
) -> None:
    process = command("text", "-p", "[slow] x", "-n", 2, "--json", fake="plain")
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["event"] != "progress":
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    listed = [json.loads(x) for x in studio("queue", "list", "--json").out.splitlines()]
    assert [job["status"] for job in listed] == ["interrupted"]
    assert studio("queue", "resume", "nobody").status == 2
    assert studio("queue", "cancel", listed[0]["id"]).status == 0
    assert studio("queue", "cancel", listed[0]["id"]).status == 2
    assert studio("queue", "cancel", "nobody").status == 2


def test_a_result_is_exported_with_its_recipe(studio: Studio, tmp_path: Path) -> None:
    studio("text", "-p", "a fox", "--json", fake="plain")
    (found,) = [
        json.loads(x) for x in studio("library", "search", "fox", "--json").out.splitlines()
    ]
    for _ in range(2):
        assert studio("library", "export", found["id"], tmp_path / "out").status == 0
    assert len(list((tmp_path / "out").glob("*.md"))) == 2
    with (tmp_path / "out" / "recipes.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["prompt"] for row in csv.DictReader(file)] == ["a fox", "a fox"]


def test_ctrl_c_while_the_queue_runs_leaves_queued_jobs(
    command: Command, environment: dict[str, str]
) -> None:
    library = Library.open(Path(environment["STUDIO_HOME"]) / "library", run_queue=False)
    prompts = ("[slow] one", "two", "three")
    jobs = library.queue.enqueue([TextRequest(prompt=prompt, seed=1) for prompt in prompts])
    process = command("queue", "resume", "--json", fake="plain")
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["event"] != "progress":
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    left = [found.status for job in jobs if (found := library.queue.get(job.id))]
    assert left == ["cancelled", "queued", "queued"]
    library.close()


def test_a_table_that_ran_before_or_is_complete_is_reported(studio: Studio, tmp_path: Path) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "out"
    table.write_text("task,prompt,seed\ntext,one,1\ntext,[fail],2\n")
    first = studio("batch", table, "-o", out, fake="plain")
    assert "before" not in first.err
    assert "Failed on line 3: " in first.err
    again = studio("batch", table, "-o", out, fake="plain")
    assert (
        "Note: This table was run with this folder before: 1 of 2 rows are finished." in again.err
    )
    assert "1 made, 1 failed" in again.err
    table.write_text("task,prompt,seed\ntext,one,1\n")
    assert "before" not in studio("batch", table, "-o", out, fake="plain").err
    resumed = studio("batch", table, "-o", out, "--resume", fake="plain")
    assert (resumed.status, resumed.err.strip()) == (0, "All rows are finished already.")
    assert len(list(out.glob("*.md"))) == 3


def test_texts_of_a_table_are_printed_under_their_line_number(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("task,prompt,seed,count\ntext,one,1,1\ntext,two,8,2\n")
    ran = studio("batch", tmp_path / "t.csv", "-o", tmp_path / "out", fake="plain")
    assert [line for line in ran.out.splitlines() if line.startswith("---")] == [
        "--- line 2, seed 1",
        "--- line 3, variation 1, seed 8",
        "--- line 3, variation 2, seed 9",
    ]


def test_ctrl_c_stops_a_batch_and_says_how_to_resume(command: Command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("task,prompt,seed\ntext,one,1\ntext,[slow] two,2\ntext,x,3\n")
    process = command("batch", tmp_path / "t.csv", "-o", tmp_path / "out", fake="plain")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("Stopped.") == 1
    assert "To run the remaining rows, add --resume to the same command." in err
