"""A second start of the app on one home: it shows the open window, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Prints what happens to the window, as JSON lines; a dialog is answered as the first argument says,
# and the second is how many milliseconds the open window has to answer.
SCRIPT = """
import json, sys
from functools import partial
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog

from studio.ui import app
from studio.ui.main_window import MainWindow
from studio.ui.shell import window_server

def say(**what):
    print(json.dumps(what), flush=True)

def asked(dialog):
    say(asked=dialog.objectName())
    return QDialog.DialogCode.Accepted if sys.argv[1] == "open" else QDialog.DialogCode.Rejected

if __name__ == "__main__":
    show = window_server.show_open_window
    window_server.show_open_window = partial(show, limit_ms=int(sys.argv[2]))
    run, front = QApplication.exec, MainWindow.come_to_front
    QApplication.exec = staticmethod(lambda: (QTimer.singleShot(0, lambda: say(opened=True)), run())[1])
    QDialog.exec = asked
    MainWindow.come_to_front = lambda window: (front(window), say(front=True))
    status = app.main(["studio"])
    say(ended=status)
"""  # noqa: E501

Open = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Start the app. The home is that of the fixture."""
    request.getfixturevalue("home")
    script = tmp_path / "start.py"
    script.write_text(SCRIPT, encoding="utf-8")
    opened: list[subprocess.Popen[str]] = []

    def start_one(answer: str = "cancel", limit_ms: int = 60_000) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(script), answer, str(limit_ms)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        opened.append(process)
        return process

    yield start_one
    for process in opened:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    found: dict[str, object] = json.loads(process.stdout.readline())
    return found


def test_a_second_start_shows_the_open_window_and_ends(start: Open) -> None:
    first = start()
    # Before the first one listens: the second waits for it.
    assert told(first) == {"opened": True}
    second = start()
    assert told(second) == {"ended": 0}
    assert told(first) == {"front": True}
    # The socket that a kill leaves behind is taken over.
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    third = start()
    assert told(third) == {"opened": True}
    assert told(start()) == {"ended": 0}
    assert told(third) == {"front": True}


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process")
@pytest.mark.parametrize(("answer", "then"), [("cancel", {"ended": 0}), ("open", {"opened": True})])
def test_a_window_that_does_not_answer_leaves_the_choice_to_the_user(
    start: Open, answer: str, then: dict[str, object]
) -> None:
    first = start()
    assert told(first) == {"opened": True}
    os.kill(first.pid, signal.SIGSTOP)
    second = start(answer, limit_ms=300)
    assert told(second) == {"asked": "second.dialog"}
    assert told(second) == then
