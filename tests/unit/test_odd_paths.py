"""Odd paths on the command line, in settings and in tables are answered with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.cli.main import run
from studio.jobs.table import input_errors, read_table
from studio.kinds.requests import input_files
from studio.library.store import Library
from studio.protocol import ProblemError
from studio.settings import default_paths, load_settings

ODD = {
    "unknown user": "~nobody-of-this-name/x.png",
    "long name": "x" * 300 + ".png",
    "long Chinese name": "狐" * 90 + ".png",
    "long path": "x/" * 2500 + "x.png",
    "null": "x\0.png",
    "line break": "x\ny.png",
    "lone surrogate": "\udcff.png",
    "parent": "../" * 50 + "x.png",
    "blank": " ",
}
in_json = pytest.mark.parametrize(
    "odd", [odd for name, odd in ODD.items() if name != "lone surrogate"]
)
odd_path = pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())


@odd_path
@pytest.mark.parametrize(
    "call",
    [
        ("upscale", "{}"),
        ("image", "-p", "a fox", "--image", "{}"),
        ("image", "-p", "a fox", "--model", "{}"),
        ("text", "-p", "@{}"),
        ("text", "-p", "hello", "--model", "{}"),
        ("text", "-p", "hello", "-o", "{}/{}"),
        ("models", "add", "{}"),
        ("models", "remove", "{}"),
        ("models", "verify", "{}"),
        ("batch", "{}"),
        ("library", "export", "{}", "{}"),
        ("library", "show", "{}"),
    ],
    ids=" ".join,
)
def test_an_odd_path_on_the_command_line_is_a_wrong_call(
    call: tuple[str, ...],
    odd: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "none"))
    assert run([part.replace("{}", odd) for part in call], lambda: 0) == 2
    assert capsys.readouterr().err
    assert not (tmp_path / "~nobody-of-this-name").exists()


@in_json
def test_an_odd_input_file_of_a_table_is_an_error_of_its_row(odd: str, tmp_path: Path) -> None:
    file = tmp_path / "table.jsonl"
    file.write_text(json.dumps({"task": "upscale", "input": odd}))
    table = read_table(file)
    errors = [*table.errors, *input_errors(table)]
    assert [(error.line, error.column) for error in errors] == [(1, "input")]


@in_json
def test_an_odd_library_folder_in_the_settings_is_said(
    odd: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = default_paths().settings
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"library": odd}))
    assert load_settings(settings)[1] is None
    for action in ("search", "rebuild"):
        assert run(["library", action], lambda: 0) == 2
    assert "folder" in capsys.readouterr().err
    assert run(["library", "path"], lambda: 0) == 0
    assert run(["doctor"], lambda: 0) in (0, 1)
    assert run(["text", "-p", "x"], lambda: 0) == 2


@odd_path
def test_a_library_in_an_odd_folder_is_refused_with_a_sentence_or_opens(
    odd: str, tmp_path: Path
) -> None:
    try:
        Library.open(tmp_path / odd.replace("../", "")).close()
    except ProblemError as error:
        assert error.problem.kind == "bad_input"


def test_a_path_with_a_tilde_names_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("STUDIO_HOME", "~/studio")
    assert default_paths().settings == tmp_path / "studio" / "settings.json"
    file = tmp_path / "table.jsonl"
    file.write_text(json.dumps({"task": "upscale", "input": "~/x.png"}))
    (row,) = read_table(file).rows
    assert [file.path for file in input_files(row.request)] == [str(tmp_path / "x.png")]


@pytest.mark.parametrize("call", [[], ["text", "-p", "x"], ["library", "search"], ["doctor"]])
def test_a_missing_home_folder_is_said(
    call: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("STUDIO_HOME")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(Path, "home", nobody)

    def window() -> int:
        default_paths()
        return 0

    assert run(call, window) == 2
    assert "STUDIO_HOME" in capsys.readouterr().err
