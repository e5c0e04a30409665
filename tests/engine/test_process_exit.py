"""The engine's process exits with the program that started it, however that ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

APP = """
import sys
from pathlib import Path
from studio.engine.local.client import EngineClient
from studio.kinds.text import TextRequest
from studio.protocol import ModelRef, Progress, RunJob

def main():
    folder, prompt = sys.argv[1:]
    client = EngineClient(log_dir=Path(folder) / "logs", fake="plain")
    model = ModelRef(id="m", name="M", task="text", format="transformers", path="nowhere")
    command = RunJob(job="1", request=TextRequest(prompt=prompt, seed=1), rows=(0,),
                     model=model, work_dir=folder)
    def say(event):
        if isinstance(event, Progress):
            print(client.pid, flush=True)
    print(client.run(command, say), flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line, without its prompt, of a small program that runs an engine."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    script = tmp_path / "app.py"
    script.write_text(textwrap.dedent(APP), "utf-8")
    return [sys.executable, str(script), str(tmp_path)]


@pytest.mark.parametrize("prompt", ["[slow] [helper]", "[hang]", "[native]"])
def test_no_process_is_left_when_the_app_is_killed(app: list[str], prompt: str) -> None:
    with subprocess.Popen([*app, prompt], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        engine = psutil.Process(int(program.stdout.readline()))
        family = [engine, *engine.children(recursive=True)]
        assert len(family) == 1 + prompt.count("[helper]")
        program.kill()
    psutil.wait_procs(family, timeout=60)
    assert not [process for process in family if process.is_running()]


def test_a_program_that_does_not_stop_its_engine_still_exits(app: list[str]) -> None:
    program = subprocess.run([*app, "plain"], capture_output=True, text=True, timeout=60)
    assert program.returncode == 0, program.stderr
    pid, *_, last = program.stdout.splitlines()
    assert last.startswith("Done")
    assert not psutil.pid_exists(int(pid))


def test_the_engine_runs_without_standard_streams(app: list[str], tmp_path: Path) -> None:
    """As in a windowed build, where the streams are closed."""
    out = tmp_path / "out"
    program = subprocess.run(
        ["sh", "-c", 'out=$1; shift; exec "$@" >"$out" 2>&- <&-', "sh", str(out), *app, "[bug]"],
        timeout=60,
    )
    assert program.returncode == 0
    assert "scripted" in (tmp_path / "logs" / "engine.log").read_text("utf-8")
