"""What a terminal is sent: no control character of a prompt, an answer, a file or a name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.kinds.text import TextRequest
from studio.library.store import Library
from tests.e2e.conftest import ROOT, CommandResult
from tests.unit.conftest import record

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\x9b31m\x9dtitle\x9c\u202eb\u2066\x08\x7f"
SENT = re.compile("[^\n\t\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\U0010ffff]")


def on_terminal(environment: dict[str, str], *arguments: object) -> str:
    """Run `studio` on a terminal and return what it is sent."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", *map(str, arguments)],
        cwd=ROOT,
        env=environment | {"STUDIO_FAKE_ENGINE": "plain", "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    sent = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux says so where the terminal was closed
            break
        if not part:
            break
        sent += part
    os.close(ours)
    process.wait()
    # The terminal itself ends lines by \r\n, and progress is written over its own line.
    return sent.decode().replace("\r\n", "\n").replace("\r", "")


@pytest.fixture
def asset_id(environment: dict[str, str]) -> str:
    """A text whose prompt, answer and labels are hostile."""
    library = Library.open(Path(environment["STUDIO_HOME"]) / "library")
    (job,) = library.queue.enqueue(
        [TextRequest(prompt=HOSTILE, seed=1)], labels=[{HOSTILE: HOSTILE}]
    )
    asset = record(library, job, content=HOSTILE.encode())
    library.close()
    return asset.id


@pytest.mark.parametrize("command", ["show", "search", "queue", "text", "batch", "usage", "models"])
def test_no_control_character_reaches_the_terminal(
    environment: dict[str, str], tmp_path: Path, asset_id: str, command: str
) -> None:
    table = tmp_path / f"{HOSTILE}.csv"
    table.write_bytes(f"task,{HOSTILE}\n{HOSTILE},x\ntext,x\n".encode())
    folder = tmp_path / HOSTILE
    folder.mkdir()
    arguments = {
        "show": ("library", "show", asset_id),
        "search": ("library", "search"),
        "queue": ("queue", "list"),
        "text": ("text", "-p", HOSTILE, "-o", folder),
        "batch": ("batch", table),
        "usage": ("library", HOSTILE),
        "models": ("models", "add", folder),
    }[command]
    sent = on_terminal(environment, *arguments)
    assert "owned" in sent
    assert not SENT.findall(sent)


def test_json_on_a_terminal_has_the_same_values(environment: dict[str, str], asset_id: str) -> None:
    sent = on_terminal(environment, "library", "search", "--json")
    assert not SENT.findall(sent)
    found = json.loads(sent)
    assert (found["id"], found["prompt"]) == (asset_id, HOSTILE)


def test_a_pipe_gets_every_byte_as_it_is(
    studio: Callable[..., CommandResult], asset_id: str
) -> None:
    assert f"\n{HOSTILE}\n" in studio("library", "show", asset_id).out
    ran = studio("text", "-p", HOSTILE, fake="plain")
    assert f"to **{HOSTILE}**" in ran.out
