"""The Upscale tab: the list, one job for each picture, before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from studio.kinds.upscale import UpscaleRequest
from studio.protocol import ModelRef, ModelSource
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.upscale.input_files import expand_folders


@pytest.fixture
def tab(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Any:
    refs = tuple(
        ModelRef(id=f"up-x{n}", name=f"Up ×{n}", task="upscale", format="spandrel",
                 path=f"/up{n}", scales=(n,), source=ModelSource("starter"))
        for n in (2, 4)
    )  # fmt: skip
    state = window.state
    state._models = (*state._models, *refs)
    registry = state.open_registry()
    monkeypatch.setattr(registry, "resolve", lambda need: next(
        ref for ref in refs if ref.id == (need.name or "up-x2")
    ))  # fmt: skip
    window.tabs.setCurrentIndex(2)
    tab = window.tab("upscale")
    state.models_changed.emit()
    return tab


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10), "green").save(path)
    return path


def add(tab: Any, qtbot: QtBot, *paths: Path) -> None:
    """Add files and folders, and wait until all of them are on the list."""
    with qtbot.waitSignal(tab.panel.added, timeout=10_000):
        tab.take(list(paths))


def ended(tab: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not tab.run_bar.stop.isEnabled(), timeout=20_000)


def states(tab: Any) -> list[str]:
    return [item.state for item in tab.inputs.inputs()]


def test_a_folder_gives_the_pictures_below_it_in_order(tmp_path: Path) -> None:
    wanted = [picture(tmp_path / "a.png"), picture(tmp_path / "子 folder" / "b.JPG")]
    (tmp_path / "notes.txt").write_text("")
    assert expand_folders([tmp_path]) == wanted


def test_each_picture_is_a_job_and_can_be_compared_with_its_source(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    add(tab, qtbot, picture(tmp_path / "a.png"), picture(tmp_path / "图 b.png"))
    tab.generate()
    ended(tab, qtbot)
    assert states(tab) == ["done", "done"]
    assert "2 of 2" in tab.run_bar.status.text()
    qtbot.waitUntil(tab.result.comparison.is_comparing)
    before = tab.result.comparison.divider
    QTest.keyClick(tab.result.canvas, Qt.Key.Key_Right)
    assert tab.result.comparison.divider > before


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_upscaled_picture_has_a_context_menu(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    add(tab, qtbot, picture(tmp_path / "a.png"))
    tab.generate()
    ended(tab, qtbot)
    qtbot.waitUntil(tab.result.comparison.is_comparing)
    tab.result.canvas.customContextMenuRequested.emit(tab.result.canvas.rect().center())
    qtbot.waitUntil(lambda: tab.findChild(QMenu, "result.menu") is not None, timeout=10_000)
    menu = tab.findChild(QMenu, "result.menu")
    menu.findChild(QAction, "result.menu.star").trigger()
    menu.close()
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: library.assets.recent()[0].starred, timeout=10_000)


def test_a_file_that_is_no_picture_is_marked_and_skipped(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("hello")
    cut = picture(tmp_path / "cut 半.png")
    cut.write_bytes(cut.read_bytes()[:-20])
    add(tab, qtbot, tmp_path / "text.png", cut)
    qtbot.waitUntil(lambda: states(tab) == ["unreadable", "unreadable"])
    rows = [tab.inputs.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)]
    assert "text.png is not a picture" in rows[0]
    assert "cut 半.png is damaged" in rows[1]
    tab.generate()
    assert "readable picture" in window.messages.text()

    add(tab, qtbot, picture(tmp_path / "good.png"))
    tab.generate()
    ended(tab, qtbot)
    assert states(tab) == ["unreadable", "unreadable", "done"]

    tab.take([picture(tmp_path / "text.png")])
    qtbot.waitUntil(lambda: states(tab)[0] == "new")


def test_a_failing_picture_leaves_the_others(tab: Any, qtbot: QtBot, tmp_path: Path) -> None:
    add(tab, qtbot, picture(tmp_path / "[fail].png"), picture(tmp_path / "good.png"))
    tab.generate()
    ended(tab, qtbot)
    assert states(tab) == ["failed", "done"]
    assert tab.inputs.inputs()[0].message


def test_stop_cancels_the_remaining_pictures(tab: Any, qtbot: QtBot, tmp_path: Path) -> None:
    add(tab, qtbot, picture(tmp_path / "[slow].png"), picture(tmp_path / "second.png"))
    tab.generate()
    qtbot.waitUntil(lambda: "Tile" in tab.run_bar.status.text(), timeout=20_000)
    tab.stop()
    ended(tab, qtbot)
    assert states(tab) == ["cancelled", "cancelled"]


def test_enlarge_pressed_before_added_files_are_listed_waits_for_them(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    tab.take([picture(tmp_path / "a.png")])
    tab.generate()
    assert states(tab) == []
    qtbot.waitUntil(lambda: states(tab) == ["done"], timeout=20_000)


def test_stop_takes_back_enlarge_pressed_before_added_files_are_listed(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    tab.take([picture(tmp_path / "a.png")])
    tab.generate()
    with qtbot.waitSignal(tab.panel.settled, timeout=10_000):
        tab.stop()
    assert states(tab) == ["new"]


def test_a_picture_added_twice_is_listed_once(tab: Any, qtbot: QtBot, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    add(tab, qtbot, path)
    add(tab, qtbot, path, tmp_path)
    assert tab.inputs.rowCount() == 1


def test_a_missing_output_folder_is_reported_before_anything_runs(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    add(tab, qtbot, picture(tmp_path / "a.png"))
    tab.output.setText(str(tmp_path / "nowhere"))
    tab.generate()
    assert "nowhere" in window.messages.text()
    assert window.state.library is not None and window.state.library.queue.list() == []


def test_the_scale_selects_a_suitable_model(tab: Any, qtbot: QtBot, tmp_path: Path) -> None:
    tab.scale.setCurrentIndex(tab.scale.findData(4))
    tab.scale.activated.emit(tab.scale.currentIndex())
    add(tab, qtbot, picture(tmp_path / "a.png"))
    tab.generate()
    ended(tab, qtbot)
    request = tab._state.library.queue.list()[0].request
    assert isinstance(request, UpscaleRequest)
    assert (request.scale, request.model) == (4, "up-x4")


def test_the_divider_is_dragged_with_the_mouse(tab: Any, qtbot: QtBot, tmp_path: Path) -> None:
    add(tab, qtbot, picture(tmp_path / "a.png"))
    tab.generate()
    ended(tab, qtbot)
    canvas, comparison = tab.result.canvas, tab.result.comparison
    qtbot.waitUntil(comparison.is_comparing)
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(canvas, QPoint(canvas.width() // 4, middle.y()))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert comparison.divider == pytest.approx(0.25, abs=0.02)


def test_the_list_of_pictures_is_saved(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    path = picture(tmp_path / "a 狐.png")
    add(tab, qtbot, path)
    window.state.save()
    saved = json.loads(window.state.paths.settings.read_text("utf-8"))
    assert saved["upscale"]["inputs"] == [str(path)]


def test_the_file_format_of_the_results_can_be_chosen(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    box = tab.controls.format
    assert (box.objectName(), box.currentText()) == ("upscale.format", "As the picture")
    box.setCurrentIndex(box.findData("webp"))
    box.activated.emit(box.currentIndex())
    add(tab, qtbot, picture(tmp_path / "a.png"))
    tab.generate()
    ended(tab, qtbot)
    request = tab._state.library.queue.list()[0].request
    assert isinstance(request, UpscaleRequest)
    assert request.format == "webp"


def test_a_drawing_needs_no_upscaler(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.tabs.setCurrentIndex(2)
    tab: Any = window.tab("upscale")
    assert not window.state.models("upscale")
    add(tab, qtbot, picture(tmp_path / "a.png"))
    tab.generate()
    assert "no upscaler" in window.messages.text()
    tab.drawing.setChecked(True)
    tab.generate()
    ended(tab, qtbot)
    assert states(tab) == ["done"]
