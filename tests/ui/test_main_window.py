"""The window: its controls, the keyboard, closing and restarting."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextBrowser,
    QWidget,
)
from pytestqt.qtbot import QtBot

from studio.kinds.registry import kinds, tasks
from studio.library.store import Library
from studio.settings import Paths, Settings, load_settings, save_settings
from studio.ui import main_window
from studio.ui.main_window import MainWindow
from studio.ui.messages.message_list import MessageList
from studio.ui.settings.settings_dialog import SettingsDialog
from studio.ui.widgets.columns import Columns
from studio.ui.workspaces.text.text_tab import TextTab

TASKS = [task for task, kind in kinds().items() if kind.workspace and not kind.tab_needs_model]
NAMES = [
    "tabs",
    "text.prompt",
    "text.generate",
    "text.stop",
    "text.count",
    "text.seed",
    "text.model",
    "text.result",
    "text.progress",
    "text.status",
    "image.prompt",
    "image.generate",
    "image.stop",
    "image.count",
    "image.seed",
    "image.model",
    "image.result",
    "image.progress",
    "image.status",
    "image.negative",
    "image.width",
    "image.height",
    "image.steps",
    "image.guidance",
    "image.scheduler",
    "upscale.generate",
    "upscale.stop",
    "upscale.model",
    "upscale.result",
    "upscale.progress",
    "upscale.status",
    "upscale.inputs",
    "upscale.scale",
    "upscale.output",
    "models.open",
    "settings.open",
    "queue.view",
    "queue.pause",
    "queue.cancel",
    "history.view",
    "history.search",
    "history.detail",
]

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextBrowser,
)


def ask(window: MainWindow, prompt: str) -> None:
    tab: Any = window.tab("text")
    tab.prompt.setPlainText(prompt)
    tab.generate()


def statuses(window: MainWindow) -> list[str]:
    library = window.state.library
    assert library is not None
    return [job.status for job in reversed(library.queue.list())]


@pytest.mark.usefixtures("home")
def test_the_prompt_accepts_typing_before_the_rest_is_built(qtbot: QtBot) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
    assert not window.is_complete
    prompt = QApplication.focusWidget()
    assert isinstance(prompt, QPlainTextEdit)
    qtbot.keyClicks(prompt, "a fox")
    assert prompt.objectName() == "text.prompt"
    assert prompt.toPlainText() == "a fox"


@pytest.mark.usefixtures("home")
def test_keys_for_parts_that_are_not_built_yet_do_nothing(qtbot: QtBot) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window._make_shortcuts()
    window.toggle_queue()
    window.library_place.search()
    window.show_shortcuts()
    window.show_palette()
    assert not window.is_complete


def test_every_control_of_the_design_exists(find: Callable[[str], Any]) -> None:
    assert [find(name).objectName() for name in NAMES] == NAMES


def test_controls_built_after_the_first_paint_are_visible(find: Callable[[str], Any]) -> None:
    names = ("models.open", "settings.open", "messages", "text.model")
    assert [name for name in names if not find(name).isVisible()] == []


def test_every_control_has_a_name_for_screen_readers(window: MainWindow) -> None:
    nameless = [
        f"{type(widget).__name__} {widget.objectName()}"
        for kind in CONTROLS
        for widget in window.findChildren(kind)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.window() is window
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and not widget.objectName().startswith("qt_")
        and not isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QLineEdit)
    ]
    assert not nameless, "\n".join(nameless)


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_cut_in_a_small_window(window: MainWindow, task: str) -> None:
    window.tabs.setCurrentIndex(TASKS.index(task))
    window.resize(1024, 700)
    hint = window.minimumSizeHint()
    assert (hint.width() <= 1024, hint.height() <= 700) == (True, True)
    assert window.size().toTuple() == (1024, 700)


@pytest.mark.parametrize("task", TASKS)
def test_the_result_has_at_least_three_fifths_of_the_tab(window: MainWindow, task: str) -> None:
    window.tabs.setCurrentIndex(TASKS.index(task))
    tab: Any = window.tab(task)
    if task == "text":
        assert tab.view.width() >= 0.6 * tab.width()
        return
    if task == "film":
        assert tab.result.width() >= 0.6 * tab.width()
        return
    columns: Columns = tab.columns
    left, right = columns.sizes()
    assert right >= 0.6 * (left + right)


def focused() -> str:
    """Return the name of the widget that has the focus."""
    widget = QApplication.focusWidget()
    return widget.objectName() if widget is not None else ""


def test_the_keyboard_reaches_everything(window: MainWindow, qtbot: QtBot) -> None:
    at_once = [task for task in TASKS if not kinds()[task].tab_needs_model]
    # The library comes after them, and after it the tabs that are shown once there is a model.
    later = [task for task in TASKS if task not in at_once]
    for place, task in enumerate([*at_once, "", *later][:10]):
        key = str((place + 1) % 10)
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert window.current_task == task if task else window.library_place.is_page
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert focused() == "history.search"
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert focused() == "text.prompt"


def test_ctrl_enter_generates_from_any_widget_and_escape_stops(
    window: MainWindow, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    find("text.prompt").setPlainText("a fox [slow]")
    find("history.search").setFocus()
    qtbot.keyClick(find("history.search"), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: statuses(window) == ["running"], timeout=10_000)
    qtbot.keyClick(find("history.search"), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: statuses(window) == ["cancelled"], timeout=10_000)


def test_a_killed_engine_fails_one_job(window: MainWindow, qtbot: QtBot) -> None:
    ask(window, "one [slow]")
    ask(window, "two")
    qtbot.waitUntil(lambda: "running" in statuses(window), timeout=10_000)
    qtbot.waitUntil(lambda: bool(engines()), timeout=10_000)
    for engine in engines():
        os.kill(engine.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: statuses(window) == ["failed", "done"], timeout=20_000)
    assert window.messages.messages[-1].kind == "error"
    assert window.messages.messages[-1].action_text


def engines() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(command_line(child))]


def command_line(process: psutil.Process) -> list[str]:
    """Return the command line of a process, empty when it has just ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def test_closing_stops_the_engine_and_the_job_can_be_resumed(
    open_window: Callable[[], MainWindow], home: Paths, qtbot: QtBot
) -> None:
    first = open_window()
    ask(first, "a long story [slow]")
    qtbot.waitUntil(lambda: bool(engines()), timeout=10_000)
    qtbot.waitUntil(lambda: statuses(first) == ["running"], timeout=10_000)
    first.close()
    assert engines() == []
    library = Library.open(home.library)
    assert [job.status for job in library.queue.list()] == ["interrupted"]
    library.close()
    second = open_window()
    qtbot.waitUntil(lambda: bool(second.messages.messages), timeout=10_000)
    offered = second.messages.messages[0]
    assert offered.action is not None
    offered.action()
    qtbot.waitUntil(lambda: statuses(second) == ["running"], timeout=10_000)


def test_values_and_layout_are_restored(open_window: Callable[[], MainWindow]) -> None:
    first = open_window()
    tab: Any = first.tab("text")
    tab.prompt.setPlainText("half a thou")
    tab.controls.temperature.set_value(1.25)
    tab.controls.seed.set_value(4_000_000_000)
    tab.controls.set_open(True)
    tab.run_bar.count.setValue(7)
    first.resize(1100, 720)  # wider than the offscreen screen, so only the height can return
    first.tabs.setCurrentIndex(2)
    first.close()
    second = open_window()
    again: Any = second.tab("text")
    assert second.current_task == "upscale"
    assert second.height() == 720
    assert again.prompt.text() == "half a thou"
    assert again.controls.temperature.value() == 1.25
    assert again.controls.seed.value() == 4_000_000_000
    assert again.controls.is_open()
    assert again.run_bar.count.value() == 7


@pytest.mark.parametrize(
    "area", [QRect(0, 0, 960, 540), QRect(0, 30, 1366, 708), QRect(1920, 0, 1000, 600)]
)
def test_a_window_larger_than_its_screen_is_restored_inside_with_generate_in_reach(
    area: QRect,
    open_window: Callable[[], MainWindow],
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    first = open_window()
    first.setGeometry(200, 400, 1800, 1200)
    first.close()
    monkeypatch.setattr(main_window, "available_area", lambda _: area)
    second = open_window()
    # The platform adds a frame of a few pixels.
    assert area.adjusted(-4, -4, 4, 4).contains(second.geometry())
    for task in ("text", "image"):
        second.tabs.show_task(task)
        button = second.findChild(QWidget, f"{task}.generate")
        assert button is not None
        qtbot.waitUntil(button.isVisible)
        corner = button.mapToGlobal(button.rect().bottomRight())
        assert area.contains(corner)


def test_the_copy_of_a_damaged_settings_file_is_used_and_that_is_reported(
    home: Paths, open_window: Callable[[], MainWindow], tmp_path: Path
) -> None:
    (tmp_path / "chosen").mkdir()
    assert save_settings(home.settings, Settings(library=str(tmp_path / "chosen"))) is None
    home.settings.write_text('{"text": [', encoding="utf-8")
    window = open_window()
    (kept,) = home.settings.parent.glob("settings.damaged-*.json")
    assert str(kept) in window.messages.messages[0].text
    assert window.state.library is not None
    assert window.state.library.root == tmp_path / "chosen"


def test_no_library_is_opened_while_the_settings_cannot_be_read(
    home: Paths, qtbot: QtBot, tmp_path: Path
) -> None:
    home.settings.parent.mkdir(parents=True, exist_ok=True)
    home.settings.write_text('{"library": "/dis', encoding="utf-8")
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    (message,) = window.messages.messages
    assert "Choose its folder in the settings" in message.text
    assert window.state.library is None
    assert not home.library.exists()
    window.open_settings()
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    dialog.threads.setValue(2)
    assert "chosen the library folder" in dialog.note.text()
    assert not dialog.restart.isVisible()
    window.state.save()
    assert home.settings.read_text("utf-8") == '{"library": "/dis'
    dialog.set_library(str(tmp_path / "chosen"))
    assert dialog.restart.isVisible()
    window.close()
    settings, found = load_settings(home.settings)
    assert found is None
    assert (settings.library, settings.threads) == (str(tmp_path / "chosen"), 2)
    assert list(home.settings.parent.glob("settings.damaged-*.json"))


def test_numbers_out_of_range_in_the_settings_do_not_keep_the_window_from_opening(
    home: Paths, open_window: Callable[[], MainWindow]
) -> None:
    huge = 99_999_999_999_999
    values: dict[str, object] = {
        field.name: value
        for task in tasks()
        for field in kinds()[task].fields.values()
        if (value := {"integer": huge, "number": 1e300, "choice": huge}.get(field.type))
    }
    values |= {"adapters": [{"model": "none", "weight": 1e300}]}
    window = {"splitters": {task: [huge, huge] for task in tasks()}}
    content = {"threads": huge, "window": window, **dict.fromkeys(tasks(), values)}
    home.settings.parent.mkdir(parents=True, exist_ok=True)
    home.settings.write_text(json.dumps(content), encoding="utf-8")
    opened: Any = open_window()
    image = opened.tab("image")
    assert image.controls.width_field.value() == 8192
    assert image.run_bar.count.value() == 1000


def test_a_library_that_cannot_be_opened_is_reported_and_the_prompt_is_kept(
    home: Paths, qtbot: QtBot
) -> None:
    home.library.parent.mkdir(parents=True, exist_ok=True)
    home.library.write_text("a file where the folder should be", encoding="utf-8")
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    ask(window, "a fox")
    tab = window.tab("text")
    assert isinstance(tab, TextTab)
    qtbot.waitUntil(lambda: tab.prompt.text() == "a fox", timeout=10_000)


def test_messages_can_be_read_later(window: MainWindow) -> None:
    window.state.show_message("Something happened.", "success")
    window.messages.clear()
    window.messages.show_list()
    dialog = window.findChild(MessageList, "messages.dialog")
    assert dialog is not None
    assert dialog.list.count() == 1
    assert "Something happened." in dialog.detail.toPlainText()
