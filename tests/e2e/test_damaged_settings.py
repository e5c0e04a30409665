"""Commands and a damaged settings file: none works in another library than the chosen one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.settings import Settings, save_settings
from tests.e2e.conftest import CommandResult

Studio = Callable[..., CommandResult]


@pytest.fixture
def settings(environment: dict[str, str], tmp_path: Path) -> Path:
    """The settings file, damaged after a library was chosen."""
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    file = Path(environment["STUDIO_HOME"]) / "settings.json"
    assert save_settings(file, Settings(library=str(chosen))) is None
    file.write_bytes(file.read_bytes()[:-4])
    return file


def test_a_command_says_that_the_copy_of_damaged_settings_is_used(
    settings: Path, studio: Studio, tmp_path: Path
) -> None:
    ran = studio("text", "-p", "a fox", fake="plain")
    (kept,) = settings.parent.glob("settings.damaged-*.json")
    assert ran.status == 0
    assert str(kept) in ran.err
    assert Path(ran.out.splitlines()[-1]).is_relative_to(tmp_path / "chosen")
    assert "settings" not in studio("library", "search", "fox").err


@pytest.mark.parametrize(
    "call",
    [
        ("text", "-p", "a fox", "--json"),
        ("queue", "list"),
        ("library", "search", "fox"),
        ("library", "path"),
        ("models", "downloads"),
    ],
)
def test_no_command_works_in_another_library_while_the_settings_cannot_be_read(
    settings: Path, studio: Studio, call: tuple[str, ...]
) -> None:
    settings.with_name("settings.json.bak").unlink()
    damaged = settings.read_bytes()
    ran = studio(*call, fake="plain")
    assert ran.status == 2
    assert "Traceback" not in ran.err
    assert "The settings cannot be read" in ran.err and str(settings) in ran.err
    assert ran.out == "" or [event["event"] for event in ran.events] == ["failed", "done"]
    assert settings.read_bytes() == damaged
    assert not (settings.parent / "library").exists()
