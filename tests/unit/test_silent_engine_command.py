"""The command line says that the engine does not respond, and the job goes on when it does."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psutil
import pytest

from studio.cli.main import run
from tests.engine.silence import make_silent_when_stopped
from tests.unit.model_files import write_llama


class _ContinuesTheEngine:
    """Standard error or output that continues a stopped engine when its silence is reported."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        if "has not responded" in text:
            for process in psutil.Process().children():
                process.resume()
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_silent_engine_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "starter"))
    monkeypatch.setenv("STUDIO_FAKE_ENGINE", "plain")
    write_llama(tmp_path / "starter" / "smollm2-135m-instruct")
    make_silent_when_stopped(monkeypatch)
    out, err = _ContinuesTheEngine(), _ContinuesTheEngine()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    arguments = ["text", "-p", "[stop]", "-n", "2", *(["--json"] if as_json else [])]
    assert run(arguments, lambda: 1) == 0
    if as_json:
        events = [json.loads(line) for line in out.text.splitlines()]
        assert [e["kind"] for e in events if e["event"] == "warning"] == ["not_responding"]
        assert events[-1]["assets"] == 2
    else:
        assert err.text.count("The engine has not responded for 15 seconds.") == 1
