"""The window opens a library that cannot be written to: it shows everything, and says so once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QAbstractItemView
from pytestqt.qtbot import QtBot

from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from tests.unit.conftest import record


@pytest.fixture
def protected(home: Paths) -> Iterator[None]:
    """A library with a result on a file system that is mounted read-only."""
    place = home.library
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.run(mount).returncode:
        pytest.skip("nothing may be mounted here, and permissions do not bind root")
    library = Library.open(place)
    done, _ = library.queue.enqueue([TextRequest(prompt=f"fox {n}", seed=n) for n in range(2)])
    record(library, library.queue.start(done))
    library.queue.finish(done.id, "done")
    library.close()
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    yield
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.usefixtures("protected")
def test_a_library_that_cannot_be_written_is_shown_and_nothing_claims_to_be_saved(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    library = window.state.library
    assert library is not None and library.is_read_only
    history = window.findChild(QAbstractItemView, "history.view")
    assert history is not None
    qtbot.waitUntil(lambda: history.model().rowCount() == 1)
    said = [message.text for message in window.messages.messages]
    assert sum("open for reading only" in text for text in said) == 1
    assert not any("Another Prompt Studio" in text for text in said)
    window.state.submit([TextRequest(prompt="x", seed=1)])
    qtbot.waitUntil(lambda: len(window.messages.messages) > len(said))
    assert "cannot be written to" in window.messages.messages[-1].text
    assert len(library.queue.list()) == 2
