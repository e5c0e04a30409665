"""Every tab can be seen also in the smallest window: the buttons beside them leave out names."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from studio.ui.main_window import MainWindow


@pytest.mark.parametrize("width", [1024, 1920])
def test_no_tab_is_cut_off_in_a_narrow_window(
    window: MainWindow, find: Any, qtbot: QtBot, width: int
) -> None:
    window.resize(width, 700)
    bar = window.tabs.tabBar()
    qtbot.waitUntil(lambda: bar.width() >= bar.sizeHint().width())
    assert not any(button.isVisible() for button in bar.findChildren(QToolButton))
    # Also when a tab comes later, as that of a kind does for which there was no model.
    for task in window.tabs.hidden:
        window.tabs.show_task(task)
    qtbot.waitUntil(lambda: bar.width() >= bar.sizeHint().width())
    assert not any(button.isVisible() for button in bar.findChildren(QToolButton))
    models = find("models.open")
    if width == 1920:
        assert models.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    elif models.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly:
        assert models.toolTip() == models.accessibleName() == "Models"
