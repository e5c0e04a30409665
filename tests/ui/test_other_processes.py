"""What another process changes in the library appears in the window without a restart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.shell import other_processes

ROOT = Path(__file__).parent.parent.parent

# Another window as far as the library knows: it owns the queue, and runs it for each line of input.
OWNER = """
import sys
from studio.cli.headless import Headless
from studio.jobs.lanes import LibraryQueue
from studio.library.store import Library
from studio.models.registry import Registry
from studio.settings import default_paths

if __name__ == "__main__":
    paths = default_paths()
    library = Library.open(paths.library)
    assert library.is_owner
    print("owner", flush=True)
    sys.stdin.readline()
    with Headless(library, paths, Registry(paths), as_json=True) as headless:
        headless.run(LibraryQueue(library))
        sys.stdin.readline()
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Start Python with arguments, on the home of the fixture."""
    request.getfixturevalue("home")
    (tmp_path / "owner.py").write_text(OWNER, encoding="utf-8")
    started: list[subprocess.Popen[str]] = []

    def start_one(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.poll() is None:
            process.communicate("\n\n", timeout=60)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def studio(start: Start, *arguments: object) -> str:
    process = start("-m", "studio", *arguments)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def test_results_jobs_and_marks_of_another_process_appear(
    start: Start, home: Paths, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    history, queue = find("history.view").model(), find("queue.pause")
    assert history.rowCount() == 0
    studio(start, "text", "-p", "from elsewhere", "--json")
    qtbot.waitUntil(lambda: history.rowCount() == 1, timeout=10_000)
    studio(start, "queue", "pause")
    qtbot.waitUntil(queue.isChecked, timeout=10_000)
    star = (
        "from studio.library.store import Library; from pathlib import Path; import sys;"
        "library = Library.open(Path(sys.argv[1]), run_queue=False);"
        "library.marks.star([asset.id for asset in library.assets.recent()], True);"
        "library.close()"
    )
    start("-c", star, home.library).communicate(timeout=60)
    qtbot.waitUntil(lambda: [a.starred for a in history.assets()] == [True], timeout=10_000)


def test_a_job_that_another_process_runs_is_answered_here(
    start: Start, tmp_path: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    owner = start(tmp_path / "owner.py")
    assert owner.stdout is not None and owner.stdin is not None
    assert owner.stdout.readline() == "owner\n"
    window = open_window()
    tab: Any = window.tab("text")
    library = window.state.library
    assert library is not None and not library.is_owner
    tab.prompt.set_text("who answers?")
    tab.generate()
    (turn,) = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: bool(turn.jobs), timeout=10_000)
    print(file=owner.stdin, flush=True)
    qtbot.waitUntil(lambda: bool(turn.answers[0].asset), timeout=20_000)
    assert turn.answers[0].text
    qtbot.waitUntil(lambda: not tab.chat._pending, timeout=10_000)


def test_a_job_that_another_process_cancels_does_not_wait_here(
    window: MainWindow, start: Start, qtbot: QtBot
) -> None:
    studio(start, "queue", "pause")
    tab: Any = window.tab("text")
    tab.prompt.set_text("never")
    tab.generate()
    (turn,) = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: bool(turn.jobs), timeout=10_000)
    studio(start, "queue", "cancel", next(iter(turn.jobs)))
    qtbot.waitUntil(lambda: not tab.chat._pending, timeout=10_000)


def test_the_jobs_of_a_process_that_dies_are_interrupted(
    window: MainWindow, start: Start, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_processes, "RELEASE_EVERY", 1)
    library = window.state.library
    assert library is not None
    process = start("-m", "studio", "text", "-p", "[slow] elsewhere", "--json")
    assert process.stdout is not None
    while '"progress"' not in process.stdout.readline():
        pass
    (job,) = library.queue.list()
    with qtbot.waitSignal(window.state.problem, timeout=10_000):
        window.state.cancel(job.id)
    assert [job.status for job in library.queue.list()] == ["running"]
    process.kill()
    qtbot.waitUntil(lambda: library.queue.counts() == {"interrupted": 1}, timeout=10_000)


def _is_answered(chat: Any) -> bool:
    return not chat._pending


def test_the_conversations_of_two_windows_are_both_kept(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first, second = open_window(), open_window()
    for window, prompt in ((first, "kept"), (second, "kept as well")):
        tab: Any = window.tab("text")
        tab.prompt.set_text(prompt)
        tab.generate()
        chat = tab.chat
        qtbot.waitUntil(partial(_is_answered, chat), timeout=20_000)
    second.close()
    first.close()
    folder = first.state.library_root / "conversations"
    kept = [file.read_text("utf-8") for file in folder.glob("[0-9]*.json")]
    assert sorted("kept as well" in text for text in kept) == [False, True]


def test_a_conversation_that_another_window_shows_is_opened_as_a_copy(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first = open_window()
    tab: Any = first.tab("text")
    tab.prompt.set_text("kept")
    tab.generate()
    qtbot.waitUntil(partial(_is_answered, tab.chat), timeout=20_000)
    qtbot.waitUntil(lambda: bool(tab.chat.conversation.id), timeout=10_000)
    id = tab.chat.conversation.id
    second = open_window()
    other: Any = second.tab("text")
    assert other.chat.conversation.turns == []
    other.chat.open(id)
    qtbot.waitUntil(lambda: bool(other.chat.conversation.turns), timeout=10_000)
    assert "another window" in second.messages.text()
    other.prompt.set_text("only here")
    other.generate()
    qtbot.waitUntil(partial(_is_answered, other.chat), timeout=20_000)
    second.close()
    first.close()
    folder = first.state.library_root / "conversations"
    files = {file.stem: file for file in folder.glob("[0-9]*.json")}
    assert len(files) == 2
    assert "only here" not in files[id].read_text("utf-8")
