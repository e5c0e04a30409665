"""The command palette, the shortcut sheet, and the notification about long work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from studio.kinds.text import TextRequest
from studio.protocol import Progress
from studio.ui.main_window import MainWindow
from studio.ui.settings.shortcuts_dialog import ShortcutsDialog
from studio.ui.shell.window.command_palette import CommandPalette, PaletteEntry, matching
from studio.ui.shell.window.job_notification import LONG_SECONDS, JobNotification
from studio.ui.shell.window.task_bar_progress import TaskBarProgress
from studio.ui.style.theme import apply_scheme, is_dark


@pytest.fixture
def palette(window: MainWindow, qtbot: QtBot) -> Callable[[str], CommandPalette]:
    """Open the palette with the keyboard and type."""

    def open_one(typed: str) -> CommandPalette:
        qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        found = window.findChild(CommandPalette)
        assert found is not None
        qtbot.keyClicks(found.search, typed)
        return found

    return open_one


def texts(palette: CommandPalette) -> list[str]:
    return [palette.list.item(row).text() for row in range(palette.list.count())]


def test_what_begins_with_the_typed_words_comes_first() -> None:
    def entry(text: str, detail: str = "") -> PaletteEntry:
        return PaletteEntry(text, detail, "search", lambda: None)

    entries = [entry("Get models", "Action"), entry("a fox", "models"), entry("Models")]
    found = [one.text for one in matching(entries, "MODELS")]
    assert found == ["Models", "Get models", "a fox"]
    assert matching(entries, "fox nothing") == []
    assert [one.text for one in matching([entry("狐狸在雪中")], "雪")] == ["狐狸在雪中"]


def test_enter_runs_what_was_found(
    window: MainWindow, palette: Callable[[str], CommandPalette], qtbot: QtBot
) -> None:
    shown = palette("upsc")
    assert texts(shown)[0] == "Upscale"
    qtbot.keyClick(shown.search, Qt.Key.Key_Return)
    assert window.current_task == "upscale"
    qtbot.waitUntil(lambda: window.findChild(CommandPalette) is None)


def test_escape_closes_it_and_stops_no_job(
    window: MainWindow, palette: Callable[[str], CommandPalette], qtbot: QtBot
) -> None:
    stopped: list[bool] = []
    tab: Any = window.tab("text")
    tab.stop = lambda: stopped.append(True)
    shown = palette("")
    qtbot.keyClick(shown.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(CommandPalette) is None)
    assert not stopped
    focused = QApplication.focusWidget()
    assert focused is not None and focused.objectName() == "text.prompt"


def test_a_recent_prompt_is_found_and_used(
    window: MainWindow, palette: Callable[[str], CommandPalette], qtbot: QtBot
) -> None:
    tab: Any = window.tab("text")
    window.state.submit([TextRequest(prompt="the walrus and the carpenter", seed=7)])
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: library.assets.count() == 1)
    window.tabs.setCurrentIndex(1)
    shown = palette("walrus")
    qtbot.waitUntil(lambda: texts(shown) == ["the walrus and the carpenter"])
    qtbot.keyClick(shown.search, Qt.Key.Key_Return)
    assert window.current_task == "text"
    assert "walrus" in tab.prompt.toPlainText()


def test_the_appearance_is_chosen_at_once(
    window: MainWindow, palette: Callable[[str], CommandPalette], qtbot: QtBot, qapp: Any
) -> None:
    shown = palette("appearance dark")
    qtbot.keyClick(shown.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: is_dark(window.palette()))
    assert window.state.settings.colour_scheme == "dark"
    apply_scheme(qapp, "system")


def test_the_sheet_lists_every_shortcut_of_the_window(window: MainWindow, qtbot: QtBot) -> None:
    window.show_shortcuts()
    (sheet,) = window.findChildren(ShortcutsDialog)
    qtbot.waitUntil(sheet.isVisible)
    listed = {
        part for label in sheet.findChildren(QLabel) for part in label.text().split("  ") if part
    }
    bound = {
        shortcut.key().toString(QKeySequence.SequenceFormat.NativeText)
        for shortcut in window.findChildren(QShortcut)
        if shortcut.context() == Qt.ShortcutContext.WindowShortcut and shortcut.parent() is window
    }
    assert bound and bound <= listed


@pytest.mark.parametrize(
    ("seconds", "announced"), [(LONG_SECONDS - 1, False), (LONG_SECONDS, True)]
)
def test_the_end_of_long_work_is_announced_while_the_window_is_not_in_front(
    window: MainWindow, qtbot: QtBot, seconds: float, announced: bool
) -> None:
    said: list[str] = []
    now = [0.0]
    notification = JobNotification(
        window.state, window, lambda _, text: said.append(text), lambda: now[0]
    )
    window.isActiveWindow = lambda: False  # type: ignore[method-assign]
    ended: list[bool] = []
    look = notification._ended_unless

    def note(more: bool) -> None:
        look(more)
        ended.append(more)

    notification._ended_unless = note  # type: ignore[method-assign]
    window.state.reports.job_changed.connect(lambda _: now.__setitem__(0, seconds))
    window.state.submit([TextRequest(prompt="a fox", seed=1)])
    qtbot.waitUntil(lambda: ended[-1:] == [False])
    assert said == (["The job is done.\na fox"] if announced else [])


def test_the_task_bar_shows_whole_percents_until_the_work_ends(
    window: MainWindow, qtbot: QtBot
) -> None:
    told: list[tuple[bool, float]] = []
    TaskBarProgress(window.state, window, lambda shown, share: told.append((shown, share)))
    for step in (0, 1, 1, 50):
        window.state.reports.progress.emit(Progress(job="a", step=step, steps=100))
    assert told == [(True, 0.0), (True, 0.01), (True, 0.5)]
    window.state.submit([TextRequest(prompt="a fox", seed=1)])
    qtbot.waitUntil(lambda: told[-1] == (False, 0.0))
