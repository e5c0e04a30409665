"""Tooltips of the window show the text of prompts, files and models as it is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QWidget
from pytestqt.qtbot import QtBot

from studio.kinds.text import TextRequest
from studio.ui.main_window import MainWindow
from studio.ui.widgets.plain_text import plain_tooltip

HOSTILE = '<img src="/dev/zero"><b>a fox</b>'


def test_a_tooltip_shows_markup_as_text() -> None:
    document = QTextDocument()
    document.setHtml(plain_tooltip(HOSTILE))
    assert document.toPlainText() == HOSTILE
    assert plain_tooltip("a < b & c") == "a < b & c"


def test_no_tooltip_of_the_window_renders_a_prompt(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    library = window.state.library
    assert library is not None
    window.state.submit([TextRequest(prompt=HOSTILE, seed=1)])
    qtbot.waitUntil(lambda: bool(library.assets.recent(1)), timeout=20_000)
    history = window.findChild(QAbstractItemView, "history.view")
    assert history is not None
    qtbot.waitUntil(lambda: history.model().rowCount() == 1, timeout=10_000)
    for tooltip in [*widget_tooltips(window), *item_tooltips(window)]:
        assert "<img" not in tooltip or not GuiQt.mightBeRichText(tooltip), tooltip


def widget_tooltips(window: MainWindow) -> list[str]:
    return [widget.toolTip() for widget in window.findChildren(QWidget)]


def item_tooltips(window: MainWindow) -> list[str]:
    return [
        str(view.model().index(row, 0).data(Qt.ItemDataRole.ToolTipRole) or "")
        for view in window.findChildren(QAbstractItemView)
        if view.model() is not None
        for row in range(view.model().rowCount(QModelIndex()))
    ]
