"""`studio storyboard`: a script becomes a film, and after a kill each part is made once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.library.store import Library
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_voice

Studio = Callable[..., CommandResult]

SCRIPT = """# My day

| Picture | Voice | Seconds |
| --- | --- | --- |
| sun | The sun is up. | 1 |
| | | |
| apple | Eat an apple. | 1 |
| sun | The sun is up. | 2 |
"""


@pytest.fixture
def script(environment: dict[str, str], tmp_path: Path) -> Path:
    write_voice(tmp_path / "home" / "models" / "kokoro", "af_heart")
    assert environment
    path = tmp_path / "script.md"
    path.write_text(SCRIPT, "utf-8")
    return path


def parts(root: Path) -> Counter[str]:
    library = Library.open(root)
    found = library.assets.recent(limit=1000)
    library.close()
    assert all(asset.path.is_file() for asset in found)
    return Counter(asset.task for asset in found)


def test_a_script_becomes_a_film_once(studio: Studio, script: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("storyboard", script, "-o", out, "--seed", "5", "-n", "2", "--json")
    made = studio(*call, fake="plain")
    assert made.status == 0, made.err
    assert "Shot 2" in made.err
    files = [Path(event["path"]).name for event in made.named("file")]
    assert files == ["my-day.pdf", "my-day-sheet.png"]  # the fake film has no subtitles
    wanted = Counter(image=6, speech=2, film=1)
    assert parts(tmp_path / "home" / "library") == wanted
    again = studio(
        "storyboard", script, "-o", out, "--seed", "5", "-n", "2", "--json", fake="plain"
    )
    assert again.status == 0
    assert again.named("asset") == []
    assert parts(tmp_path / "home" / "library") == wanted


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_after_a_kill_each_part_is_made_once(
    studio: Studio,
    command: Callable[..., subprocess.Popen[str]],
    script: Path,
    tmp_path: Path,
) -> None:
    call = ("storyboard", script, "-o", tmp_path / "out", "--json")
    for lines in (2, 6, 12):
        process = command(*call, fake="plain")
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert studio(*call, fake="plain").status == 0
    assert parts(tmp_path / "home" / "library") == Counter(image=3, speech=2, film=1)


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("", [], "There are no shots"),
        (SCRIPT, ["-n", "9"], "-n 9 is not valid"),
        (SCRIPT, ["--speed", "9"], "speed"),
        (SCRIPT, ["--size", "big"], "is not a size"),
        (SCRIPT, ["--voice", "nobody"], "nobody"),
        (SCRIPT, ["--sound", "gone.mp3"], "gone.mp3"),
        (SCRIPT, ["--picture-model", "gone"], "gone"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_runs(
    studio: Studio, script: Path, text: str, arguments: list[str], said: str
) -> None:
    script.write_text(text, "utf-8")
    refused = studio("storyboard", script, *arguments, "--json", fake="plain")
    assert refused.status == 2, refused.err
    assert said in refused.err
    assert refused.events[-1]["event"] == "done"
