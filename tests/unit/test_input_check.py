"""A file that is no picture is detected before a job is made of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from studio.jobs.input_check import input_problem, picture_problem
from studio.kinds.kind import Medium

FORMATS = ["png", "jpg", "webp", "tif", "gif", "bmp"]


def noise(path: Path) -> Path:
    Image.effect_noise((120, 90), 80).convert("RGB").save(path)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_complete_picture_passes_and_a_truncated_one_does_not(
    suffix: str, tmp_path: Path
) -> None:
    path = noise(tmp_path / f"图.{suffix}")
    assert picture_problem(path) is None

    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    wrong = picture_problem(path)
    assert wrong is not None
    assert wrong.kind == "bad_input"
    assert path.name in str(wrong.message)


def test_a_text_file_named_like_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.png"
    path.write_text("hello")

    wrong = picture_problem(path)

    assert wrong is not None
    assert "not a picture" in str(wrong.message)


def test_only_pictures_are_checked_by_their_content(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    assert input_problem(path, [Medium.TEXT]) is None
    assert input_problem(path, [Medium.PICTURE]) is not None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_no_picture_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    found = picture_problem(tmp_path / "pipe.png")
    assert found is not None
    assert found.kind == "bad_input"
