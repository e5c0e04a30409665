"""The real commands in processes of their own, each in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from studio.engine.local.environment import physical_cores
from tests.e2e.stop_at import Moment

ROOT = Path(__file__).resolve().parents[2]

ALL_CORES = {"OMP_NUM_THREADS": str(physical_cores())}
"""The environment of an engine that computes as it does outside of the tests."""


@dataclass
class CommandResult:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the events of one kind."""
        return [e for e in self.events if e["event"] == event]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the commands: a home in a temporary folder, no display.

    The home is that of this process too, which opens libraries itself.
    """
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept.pop("STUDIO_FAKE_ENGINE", None)
    kept.pop("QT_QPA_PLATFORM", None)
    # Another test runs on the other core: threads would wait for each other.
    kept["OMP_NUM_THREADS"] = "1"
    return kept | {"STUDIO_HOME": str(tmp_path / "home")}


@pytest.fixture
def command(environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start `studio` with arguments; `fake` selects the fake engine.

    With `stop_at` (see `stop_at.py`) the process is returned once it is stopped there. Nothing
    may be left running: kill it, or let it continue with SIGCONT.
    """

    def start(
        *arguments: object,
        fake: str = "",
        stop_at: str = "",
        preexec_fn: Callable[[], object] | None = None,
        **changes: str,
    ) -> subprocess.Popen[str]:
        extra = {"STUDIO_FAKE_ENGINE": fake} if fake else {}
        program = ["tests.e2e.stop_at", stop_at] if stop_at else ["studio"]
        process = subprocess.Popen(
            [sys.executable, "-m", *program, *map(str, arguments)],
            cwd=ROOT,
            env=environment | extra | changes,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            preexec_fn=preexec_fn,
        )
        if stop_at:
            wait_until_stopped(process, Moment(stop_at))
        return process

    return start


@pytest.fixture
def open_window(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a script of this folder that opens the window; it is killed at the end."""
    opened: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, f"tests/e2e/{script}", *arguments],
            cwd=ROOT,
            env=environment | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        opened.append(process)
        return process

    yield start
    for process in opened:
        process.kill()
        process.communicate()


def wait_until_stopped(process: subprocess.Popen[str], moment: Moment) -> None:
    """Read the events up to the moment, then wait until the process is stopped."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if moment.reached_by(line):
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            return
    _, complaint = process.communicate()
    raise AssertionError(f"ended before it was stopped: {complaint}")


@pytest.fixture
def studio(command: Callable[..., subprocess.Popen[str]]) -> Callable[..., CommandResult]:
    """Run `studio` to its end."""

    def run(*arguments: object, typed: str = "", **options: str) -> CommandResult:
        process = command(*arguments, **options)
        out, err = process.communicate(typed, timeout=300)
        ran = CommandResult(process.returncode, out, err)
        if "--json" in arguments:
            ran.events = [json.loads(line) for line in out.splitlines()]
        return ran

    return run
