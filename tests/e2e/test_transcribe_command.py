"""`studio transcribe`: with the fake engine, and with the starter model where it is installed."""

from __future__ import annotations

import json
import os
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.sounds.comments import LYRICS
from studio.formats.sounds.lyrics import from_lrc
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_whisper

Studio = Callable[..., CommandResult]


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """Write silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * round(8000 * seconds)))
    return path


@pytest.fixture
def model(environment: dict[str, str], tmp_path: Path) -> None:
    write_whisper(tmp_path / "home" / "models" / "whisper-small-en")
    assert environment


@pytest.mark.usefixtures("model")
def test_it_appears_in_library_and_can_be_rebuilt_and_reproduced(
    studio: Studio, tmp_path: Path
) -> None:
    talk = write_sound(tmp_path / "a talk.wav")
    made = studio("transcribe", talk, "--json", fake="plain")
    assert made.status == 0, made.err
    (asset,) = made.named("asset")
    words = from_lrc(read_embedded(Path(asset["path"])).texts[LYRICS])
    assert [line.text for line in words] == ["a talk was heard."] * 4
    found = studio("library", "search", "heard", "--task", "transcribe").out
    assert "a talk" in found
    assert studio("library", "rebuild").status == 0
    assert studio("library", "search", "heard", "--task", "transcribe").out == found
    id = json.loads(studio("library", "search", "heard", "--json").out.splitlines()[0])["id"]
    again = studio("library", "reproduce", id, fake="plain")
    assert again.status == 0, again.out + again.err
    out = tmp_path / "copies"
    assert studio("library", "export", id, out, "--subtitles", "vtt").status == 0
    assert len(list(out.glob("*.vtt"))) == 1


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("txt", "a talk was heard. a talk was heard."),
        ("srt", "00:00:00,000 --> 00:00:01,000\na talk was heard."),
        ("vtt", "WEBVTT"),
        ("lrc", "[00:00.00]<00:00.00>a <00:00.25>talk"),
        ("json", '"text": "a talk was heard."'),
    ],
)
def test_a_folder_becomes_texts_in_every_format(
    studio: Studio, tmp_path: Path, form: str, said: str
) -> None:
    folder = tmp_path / "talks"
    folder.mkdir()
    write_sound(folder / "a talk.wav")
    out = tmp_path / "out"
    made = studio("transcribe", folder, "-o", out, "--format", form, "--json", fake="plain")
    assert made.status == 0, made.err
    assert said in (out / f"a-talk.{form}").read_text("utf-8")


@pytest.mark.usefixtures("model")
def test_what_is_wrong_with_a_call_is_said_before_anything_runs(
    studio: Studio, tmp_path: Path
) -> None:
    talk = write_sound(tmp_path / "talk.wav")
    text = tmp_path / "text.mp3"
    text.write_text("This is no sound. " * 500, "utf-8")
    empty = tmp_path / "empty.ogg"
    empty.touch()
    playlist = tmp_path / "list.mp3"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "utf-8")
    calls: list[tuple[tuple[object, ...], str]] = [
        ((talk, "--language", "zh"), "No installed model understands the language zh"),
        (
            (talk, "--language", "zh", "--model", "whisper-small-en"),
            "understands only en, not zh",
        ),
        ((talk, "--language", "Klingon"), "is no language that the models know"),
        ((talk, "--format", "srt"), "--format needs a folder"),
        ((text,), "text.mp3 is not a sound or video that can be read"),
        ((playlist,), "list.mp3 is not a sound or video that can be read"),
        ((empty,), "The file empty.ogg is empty"),
        ((tmp_path / "gone.wav",), "does not exist"),
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        calls.append(((tmp_path / "pipe.wav",), "pipe.wav does not exist"))
    for arguments, said in calls:
        ran = studio("transcribe", *arguments, fake="plain")
        assert ran.status == 2, arguments
        assert said in ran.err


def test_without_a_model_the_way_to_one_is_said(studio: Studio, tmp_path: Path) -> None:
    talk = write_sound(tmp_path / "talk.wav")
    ran = studio("transcribe", talk, STUDIO_STARTER=str(tmp_path / "none"))
    assert ran.status == 2
    assert "There is no model yet that understands speech" in ran.err
