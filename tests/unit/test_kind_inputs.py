"""Command line and tables take the input files of any medium, and any choices of a field."""

from __future__ import annotations

import argparse
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.cli.request_options import add_options, requests_of
from studio.jobs.table import input_errors, read_table
from studio.kinds.music import KIND as MUSIC
from studio.kinds.registry import AnyKind
from studio.protocol import ProblemError
from tests.toy_kind.echo import KIND, EchoRequest
from tests.toy_kind.registration import registered


@pytest.fixture(autouse=True)
def echo_kind() -> Iterator[None]:
    with registered("tests.toy_kind.echo"):
        yield


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    return path


def parsed(*arguments: str, kind: AnyKind = KIND) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser, kind)
    return parser.parse_args(arguments)


def test_a_sound_is_an_input_and_a_folder_stands_for_its_sounds(sound: Path) -> None:
    (sound.parent / "b.png").write_bytes(b"no sound")
    for argument in (sound, sound.parent):
        (request,) = requests_of(parsed(str(argument)), KIND)
        assert isinstance(request, EchoRequest)
        assert (request.input.path, request.prompt) == (str(sound), "echo")


def test_choices_are_named_in_the_error(sound: Path) -> None:
    with pytest.raises(ProblemError, match=r"it must be one of: 1, 5\."):
        requests_of(parsed(str(sound), "--times", "3"), KIND)


def test_lyrics_are_given_as_text_or_as_a_file(tmp_path: Path) -> None:
    def lyrics(value: str) -> str:
        (request,) = requests_of(parsed("-p", "waltz", "--lyrics", value, kind=MUSIC), MUSIC)
        assert isinstance(request, MUSIC.request)
        return request.lyrics

    file = tmp_path / "歌词.txt"
    file.write_text("[verse]\n大海\n", "utf-8")
    assert lyrics(f"@{file}") == "[verse]\n大海"
    assert lyrics("la la") == "la la"
    assert lyrics("@@home") == "@home"
    with pytest.raises(ProblemError, match="cannot be read"):
        lyrics(f"@{tmp_path / 'none.txt'}")
    file.write_text("la " * 10_000, "utf-8")
    with pytest.raises(ProblemError, match=r"--lyrics: The lyrics have 29,?999 c"):
        lyrics(f"@{file}")


def test_a_row_with_a_sound_and_without_a_prompt_is_accepted_where_it_has_a_default(
    sound: Path,
) -> None:
    table = sound.with_name("table.csv")
    table.write_text("task,input,times\necho,a.wav,5\necho,gone.wav,1\n", "utf-8")
    found = read_table(table)
    assert not found.errors
    assert [error.line for error in input_errors(found)] == [3]
