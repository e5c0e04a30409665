"""`studio video`: with the fake engine, and with the starter models where they are installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.library.recipes.metadata import read_recipe
from studio.settings import RESOURCES
from tests.e2e.conftest import CommandResult
from tests.video_files import (
    moving,
    psnr,
    read_frames,
    stream_hashes,
    write_mixing_rife,
    write_video,
)

Studio = Callable[..., CommandResult]

STARTER = RESOURCES / "models" / "rife-4"
with_starter = pytest.mark.skipif(
    not (STARTER / "rife.pth").is_file(), reason="the starter model is not installed"
)


@pytest.fixture
def rife(environment: dict[str, str], tmp_path: Path) -> None:
    write_mixing_rife(tmp_path / "home" / "models" / "rife" / "rife.pth")
    assert environment


@pytest.mark.usefixtures("rife")
def test_it_appears_in_library_and_can_be_rebuilt_and_reproduced(
    studio: Studio, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "holiday.mp4", count=3)
    made = studio("video", video, "--smooth", "2", "--json", fake="plain")
    assert made.status == 0, made.err
    (asset,) = made.named("asset")
    path = Path(asset["path"])
    assert path.name.endswith("holiday-smooth2.mp4")
    found = studio("library", "search", "holiday", "--task", "video").out
    found_json = studio("library", "search", "holiday", "--json").out
    assert "holiday" in found
    assert studio("library", "rebuild").status == 0
    assert studio("library", "search", "holiday", "--task", "video").out == found
    again = studio(
        "library", "reproduce", json.loads(found_json.splitlines()[0])["id"], fake="plain"
    )
    assert again.status == 0, again.out + again.err


@pytest.mark.usefixtures("rife")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Choose what to do with the video"),
        (("--smooth", "3"), "it must be one of: 1, 2, 4, 8"),
        (("--fps", "1000"), "it must be a number of at most 240"),
        (("--scale", "2", "--interpolator", "x", "--encoder", "x264", "--format", "webm"), "WebM"),
        (("--smooth", "2", "--interpolator", "nobody"), "There is no model called nobody"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_before_anything_runs(
    studio: Studio, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    video = write_video(tmp_path / "a.mp4", count=2)
    ran = studio("video", video, *arguments, fake="plain")
    assert ran.status == 2
    assert said in ran.err


@pytest.mark.usefixtures("rife")
def test_what_is_no_video_is_said_before_anything_runs(studio: Studio, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    for path, said in ((text, "is not a video"), (tmp_path / "gone.mp4", "does not exist")):
        ran = studio("video", path, "--smooth", "2", fake="plain")
        assert ran.status == 2 and said in ran.err


@with_starter
def test_the_starter_model_makes_better_frames_than_doubling_them(
    studio: Studio, tmp_path: Path
) -> None:
    frames = list(moving(9, 128, 96))
    video = write_video(tmp_path / "a.mp4", frames[::2], rate=12, sound="aac")
    ran = studio(
        "video", video, "--smooth", "2", "--quality", "100", "-o", tmp_path / "out", "--json",
        STUDIO_STARTER=STARTER.parent,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    path = Path(ran.named("asset")[0]["path"])
    made, _ = read_frames(path)
    assert len(made) == 9
    for number in range(1, 9, 2):
        assert psnr(made[number], frames[number]) > psnr(frames[number - 1], frames[number]) + 6
    assert stream_hashes(path, "audio") == stream_hashes(video, "audio")
    recipe = read_recipe(path)
    assert recipe is not None and recipe.stats["made"] == 4
