"""Estimates of time and memory in the tabs, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.jobs import forecast
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.ui.main_window import MainWindow
from studio.ui.shell import estimates
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import rough_duration_text

GB = 10**9


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (7.4, "7 s"), (18, "20 s"), (58, "1 min"), (731, "12 min"), (7500, "2 h 5 min")],
)
def test_estimated_times_are_rounded(seconds: float, text: str) -> None:
    assert rough_duration_text(seconds) == text


def test_an_estimate_is_hidden_while_something_runs(qtbot: QtBot) -> None:
    bar = RunBar("any")
    qtbot.addWidget(bar)
    bar.show()
    height = bar.sizeHint().height()
    bar.set_estimate(20.0)
    assert (bar.estimate.text(), bar.sizeHint().height()) == ("About 20 s", height)
    bar.set_running(True)
    assert not bar.estimate.isVisible()
    bar.set_running(False)
    assert bar.estimate.isVisible()
    bar.set_estimate(None)
    assert bar.estimate.text() == ""


def test_the_time_left_counts_down(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    bar = RunBar("any")
    qtbot.addWidget(bar)
    bar.resize(400, 100)
    bar.set_estimate(30.0)
    assert bar.estimated == 30.0
    passed = [0]
    monkeypatch.setattr(bar, "_since", SimpleNamespace(elapsed=lambda: passed[0], start=lambda: 0))
    bar.set_running(True)
    bar.set_status("Loading")
    bar.count_down(30.0)
    assert bar.status.text() == "Loading, 30 s left"
    passed[0] = 21_000
    bar._second.timeout.emit()
    assert bar.status.text() == "Loading, 9 s left"
    bar.set_status("Step 3")
    assert bar.status.text() == "Step 3, 9 s left"
    passed[0] = 31_000
    bar._second.timeout.emit()
    assert bar.status.text() == "Step 3"
    bar.set_running(False)
    assert not bar._second.isActive()


def test_a_tab_shows_the_estimated_time_after_a_first_result(
    window: MainWindow,
    find: Callable[[str], Any],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimates, "REFIT_MS", 20)
    assert find("text.estimate").text() == ""
    window.state.submit([TextRequest(prompt="one"), ImageRequest(prompt="two")])
    qtbot.waitUntil(lambda: find("text.estimate").text().startswith("About"), timeout=20_000)
    qtbot.waitUntil(lambda: find("image.estimate").text().startswith("About"), timeout=20_000)


def test_a_picture_too_large_for_the_memory_gives_a_warning_but_can_be_generated(
    window: MainWindow,
    find: Callable[[str], Any],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forecast, "usable_memory", lambda: 2 * GB)
    monkeypatch.setattr("shutil.which", lambda _: None)
    tab: Any = window.tab("image")
    window.tabs.setCurrentIndex(1)
    estimate = find("image.estimate")
    tab.controls.width_field.set_value(4096)
    tab.controls.height_field.set_value(4096)
    qtbot.waitUntil(lambda: estimate.text().startswith("Will not fit: try "), timeout=10_000)
    assert "of memory, but only 2.0 GB is available" in estimate.toolTip()
    assert find("image.generate").isEnabled()
    size = estimate.text().removeprefix("Will not fit: try ").split(" × ")
    tab.controls.width_field.set_value(int(size[0]))
    tab.controls.height_field.set_value(int(size[1]))
    qtbot.waitUntil(lambda: estimate.text() == "", timeout=10_000)
