"""The real window over the fake engine in its own process; whatever leaks fails the test."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["OMP_NUM_THREADS"] = "2"

import psutil
import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from studio.settings import Paths, default_paths
from studio.ui.main_window import MainWindow
from tests.unit.model_files import write_llama, write_pipeline

PATIENCE_MS = 20_000

SCREENSHOTS = Path(__file__).parent.parent.parent / "screenshots-failed"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            # Only on the offscreen platform, which has no window manager.
            item.add_marker(
                pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise)")
            )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Save what the windows looked like when a test failed."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed or QApplication.instance() is None:
        return
    SCREENSHOTS.mkdir(exist_ok=True)
    for number, widget in enumerate(QApplication.topLevelWidgets()):
        if widget.isVisible():
            widget.grab().save(str(SCREENSHOTS / f"{item.name[:80]}-{number}.png"))


@pytest.fixture(scope="session", autouse=True)
def clipboard_is_emptied(qapp: QApplication) -> Iterator[None]:
    """Qt would delete what was copied last after Python has ended, and crash."""
    yield
    qapp.clipboard().clear()


@pytest.fixture(autouse=True)
def nothing_is_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on threads, child processes and warnings in the log that a test leaves behind."""
    threads = set(threading.enumerate())
    yield
    # Python never removes an ended QThread from its list; a running thread has a frame.
    running = sys._current_frames()
    left = [t for t in threading.enumerate() if t not in threads and t.ident in running]
    assert not [t.name for t in left]
    children = psutil.Process().children(recursive=True)
    # Python's resource tracker lives as long as the interpreter.
    assert not [c.cmdline() for c in children if not _is_resource_tracker(c)]
    loud = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.WARNING]
    assert not loud


def _is_resource_tracker(process: psutil.Process) -> bool:
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return True


@pytest.fixture
def qtbot(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> QtBot:
    """Wait for what must come as long as the slowest machine needs, unless the test says less."""
    for name in ("waitUntil", "waitSignal", "waitExposed", "waitActive"):
        monkeypatch.setattr(qtbot, name, partial(getattr(qtbot, name), timeout=PATIENCE_MS))
    return qtbot


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A home of its own with a text and an image model, and the fake engine."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "starter"))
    monkeypatch.setenv("STUDIO_FAKE_ENGINE", "plain")
    write_llama(tmp_path / "starter" / "smollm2-135m-instruct")
    write_pipeline(tmp_path / "home" / "models" / "a-pipeline")
    return default_paths()


@pytest.fixture
def open_window(request: pytest.FixtureRequest, qtbot: QtBot) -> Iterator[Callable[[], MainWindow]]:
    """Open the app's window and wait until library and models are loaded."""
    request.getfixturevalue("home")
    windows: list[MainWindow] = []

    def open_one() -> MainWindow:
        window = MainWindow()
        windows.append(window)
        window.show()
        qtbot.waitUntil(lambda: window.is_complete and window.state.models_known, timeout=20_000)
        return window

    yield open_one
    for window in windows:
        window.close()
        window.deleteLater()
    QApplication.sendPostedEvents(None, 52)
    for widget in QApplication.topLevelWidgets():
        widget.close()


@pytest.fixture
def window(open_window: Callable[[], MainWindow]) -> MainWindow:
    """The app's window, ready."""
    return open_window()


@pytest.fixture
def find(window: MainWindow) -> Callable[[str], Any]:
    """Find a control of the window by its object name."""

    def find_one(name: str) -> Any:
        widget = window.findChild(QWidget, name)
        assert widget is not None, name
        return widget

    return find_one
