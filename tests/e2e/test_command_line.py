"""The command line is a contract: its output and exit status. With the fake engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.recipes.metadata import read_recipe
from tests.e2e.conftest import ROOT, CommandResult

PICTURE = "resources/screenshots/image-light.png"

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "图片 🐈 one.png"
    Image.new("RGB", (8, 8), "red").save(path)
    return path


def test_json_names_every_result_and_ends_with_done(studio: Studio, tmp_path: Path) -> None:
    ran = studio(
        "text", "-p", "hi", "-n", 3, "--seed", 7, "--json", "-o", tmp_path / "o 中", fake="plain"
    )
    assert ran.status == 0
    assert {(e["row"], e["seed"]) for e in ran.named("asset")} == {(0, 7), (1, 8), (2, 9)}
    assert all(Path(e["path"]).is_file() for e in ran.named("asset"))
    assert {Path(e["path"]).parent for e in ran.named("asset")} == {tmp_path / "o 中"}
    assert ran.events[0]["event"] == "accepted"
    assert ran.events[-1]["event"] == "done"
    assert (ran.events[-1]["assets"], ran.events[-1]["failed"]) == (3, 0)


def test_the_text_events_of_a_row_are_the_text_in_its_file(studio: Studio, tmp_path: Path) -> None:
    ran = studio("text", "-p", "hi", "--seed", 7, "--json", "-o", tmp_path / "o", fake="plain")
    said = "".join(e["text"] for e in ran.named("text"))
    assert said and Path(ran.named("asset")[0]["path"]).read_text("utf-8").endswith(said)


@pytest.mark.parametrize("word", ["[fail]", "[crash]", "[bug]"])
def test_a_failed_job_exits_with_status_1_and_still_ends_with_done(
    studio: Studio, word: str
) -> None:
    ran = studio("text", "-p", word, "-n", 2, "--json", fake="plain")
    assert ran.status == 1
    assert ran.named("failed")[0]["message"]
    assert ran.events[-1]["event"] == "done"
    assert ran.events[-1]["failed"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["text", "-p", "  "], "prompt is empty"),
        (["text", "-p", "x", "-n", "0"], "-n '0' is not valid: it must be a whole number of"),
        (["text", "-p", "x", "-n", "1001"], "-n '1001'"),
        (["text", "-p", "x", "--seed", "-1"], "--seed '-1'"),
        (["text", "-p", "x", "--temperature", "hot"], "--temperature 'hot'"),
        (["text", "-p", "x", "--model", "nobody"], "nobody"),
        (["text", "-p", "x", "--model", "dat-light-x2"], "DAT"),
        (["text"], "-p/--prompt"),
        (["image", "-p", "x", "--size", "wide"], "--size 'wide'"),
        (["image", "-p", "x", "--size", "9x9"], "--size '9'"),
        (["upscale", "nowhere.png"], "nowhere.png"),
        (["upscale", "README.md", "--scale", "5"], "--scale '5'"),
        (["upscale", "README.md"], "README.md is not a picture"),
        (["image", "-p", "x", "--image", "README.md"], "README.md is not a picture"),
        (["image", "-p", "x", "--mask", "README.md"], "A mask needs a start picture"),
        (["image", "-p", "x", "--image", PICTURE, "--mask", "README.md"], "README.md is not a"),
        (["paint"], "studio: 'paint' is not a command. Choose text, image, upscale,"),
        (["queue", "paint"], "studio queue: 'paint' is not an action of `studio queue`."),
        (["models", "verify", "nobody"], "no model called nobody. Choose one of: dat-light-x2,"),
        (["doctor", "--loud"], "studio doctor: --loud is not recognised."),
        (["library", "search", "--task", "panorama"], "it must be text, image,"),
    ],
)
def test_a_usage_error_exits_with_status_2_and_runs_nothing(
    studio: Studio, arguments: list[str], said: str
) -> None:
    ran = studio(*arguments, fake="plain")
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_an_output_folder_that_is_not_writable_is_a_usage_error(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = studio("text", "-p", "x", "-o", tmp_path / "file" / "o", fake="plain")
    assert ran.status == 2
    assert "cannot be written" in ran.err


def test_without_a_model_the_error_says_how_to_get_one(studio: Studio, tmp_path: Path) -> None:
    ran = studio("text", "-p", "x", STUDIO_STARTER=str(tmp_path / "empty"))
    assert ran.status == 2
    assert "studio models starter" in ran.err or "starter" in ran.err


def test_without_a_display_the_error_names_the_command_line(studio: Studio) -> None:
    ran = studio()
    assert ran.status == 2
    assert len(ran.err.splitlines()) == 1
    assert "studio --help" in ran.err


def test_ctrl_c_cancels_the_job_and_exits_with_status_130(command: Command) -> None:
    process = command("text", "-p", "[slow] story", "--json", fake="plain")
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["event"] != "progress":
        pass
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 130
    assert [e["event"] for e in events if e["event"] in ("cancelled", "done")] == [
        "cancelled",
        "done",
    ]


def test_a_folder_is_upscaled_without_its_other_files(
    studio: Studio, picture: Path, tmp_path: Path
) -> None:
    (picture.parent / "notes.txt").write_text("no picture")
    (picture.parent / "._sidecar.png").write_text("no picture")
    (picture.parent / "album.png").mkdir()
    ran = studio("upscale", picture.parent, picture, "--json", "-o", tmp_path / "o", fake="plain")
    assert ran.status == 0
    assert len(ran.named("asset")) == 1


def test_a_mask_is_recorded_in_the_recipe_with_its_picture(
    studio: Studio, picture: Path, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (8, 8), "white").save(mask)
    ran = studio("image", "-p", "x", "--image", picture, "--mask", mask, "--json", fake="plain")
    assert ran.status == 0
    recipe = read_recipe(Path(ran.named("asset")[0]["path"]))
    assert recipe is not None and isinstance(recipe.request, ImageRequest)
    assert recipe.request.mask is not None and recipe.request.mask.path == str(mask)
    assert [parent.path for parent in recipe.parents] == [str(picture), str(mask)]


def test_standard_input_can_be_the_prompt(studio: Studio, tmp_path: Path) -> None:
    ran = studio("text", "-p", "-", "--json", "-o", tmp_path / "o", typed="狐狸 fox", fake="plain")
    assert "狐狸" in Path(ran.named("asset")[0]["path"]).read_text("utf-8")


def test_without_json_the_text_and_the_path_are_printed(studio: Studio, tmp_path: Path) -> None:
    ran = studio("text", "-p", "hi", "--seed", 7, "-o", tmp_path / "o", fake="plain")
    assert ran.status == 0
    assert str(tmp_path / "o") in ran.out
    assert "1 made" in ran.err


def test_models_are_listed_as_one_json_object_a_line(studio: Studio) -> None:
    ran = studio("models", "list")
    rows = [json.loads(line) for line in studio("models", "list", "--json").out.splitlines()]
    assert ran.status == 0
    assert {row["id"] for row in rows} >= {"smollm2-135m-instruct", "dat-light-x4"}
    assert all(
        row["starter"] for row in rows if row["id"] in ("smollm2-135m-instruct", "dat-light-x4")
    )
    assert all(row["id"] in ran.out for row in rows)


def test_a_file_that_is_no_model_is_not_added(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(os.urandom(64))
    ran = studio("models", "add", tmp_path / "x.safetensors")
    assert ran.status == 2
    assert "x.safetensors" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["text", "-p", " "],
        ["text", "-p", "x", "--seed", "4294967295", "-n", "2"],
        ["image", "-p", "x", "--nonsense"],
        ["upscale", "nowhere.png"],
        ["batch", "nowhere.csv"],
    ],
)
def test_a_usage_error_still_ends_its_json_with_done(studio: Studio, arguments: list[str]) -> None:
    ran = studio(*arguments, "--json", fake="plain")
    assert ran.status == 2
    assert [event["event"] for event in ran.events] == ["failed", "done"]
    assert ran.events[0]["message"] in ran.err


def test_a_failed_row_is_reported_and_its_job_counted_once(studio: Studio, tmp_path: Path) -> None:
    ran = studio("text", "-p", "[rowfail]", "-n", 3, "--json", "-o", tmp_path / "o", fake="plain")
    assert ran.status == 1
    assert [e["row"] for e in ran.named("failed") if "row" in e] == [1]
    assert (ran.events[-1]["assets"], ran.events[-1]["failed"]) == (2, 1)
    assert all(e["seconds"] > 0 for e in ran.named("asset"))


def test_a_file_can_be_the_prompt(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "prompt 狐.txt").write_text("tell of a 狐狸\n", "utf-8-sig")
    given = f"@{tmp_path / 'prompt 狐.txt'}"
    ran = studio("text", "-p", given, "--json", "-o", tmp_path / "o", fake="plain")
    recipe = read_recipe(Path(ran.named("asset")[0]["path"]))
    assert recipe is not None and isinstance(recipe.request, TextRequest)
    assert recipe.request.prompt == "tell of a 狐狸"
    assert studio("text", "-p", "@nowhere", fake="plain").status == 2


def test_a_very_long_prompt_runs_and_one_beyond_the_limit_is_refused_briefly(
    studio: Studio, tmp_path: Path
) -> None:
    words = "word " * 20_000
    ran = studio("text", "-p", "-", "--json", "-o", tmp_path / "o", typed=words, fake="plain")
    assert ran.status == 0
    refused = studio("text", "-p", "-", typed=words * 3, fake="plain")
    assert refused.status == 2
    assert len(refused.err) < 300


def test_no_module_of_the_current_folder_is_run(
    environment: dict[str, str], tmp_path: Path
) -> None:
    downloaded = tmp_path / "downloaded"
    downloaded.mkdir()
    for name in (
        "multiprocessing",
        "struct",
        "pickle",
        "socket",
        "numpy",
        "torch",
        "sitecustomize",
    ):
        (downloaded / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    # As the installed script does: the folder of a script comes first in `sys.path`.
    script = tmp_path / "script.py"
    script.write_text(
        "if __name__ == '__main__':\n    from studio.__main__ import main\n    main()"
    )
    for arguments in (["text", "-p", "hi"], ["doctor"]):
        ran = subprocess.run(
            [sys.executable, script, *arguments],
            cwd=downloaded,
            env=environment | {"STUDIO_FAKE_ENGINE": "plain", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        # The doctor's status depends on what is installed.
        assert ran.returncode == 0 or arguments == ["doctor"], ran.stderr
    assert not (tmp_path / "run").exists()
