"""Cull mode: keys keep and reject, and every decision can be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.search import AssetQuery
from studio.library.store import Library
from studio.ui.cull.cull_dialog import CullDialog
from studio.ui.main_window import MainWindow


@pytest.fixture
def library(window: MainWindow) -> Library:
    assert window.state.library is not None
    return window.state.library


@pytest.fixture
def cull(window: MainWindow, find: Callable[[str], Any], qtbot: QtBot) -> CullDialog:
    """Three pictures and a text in History, then cull mode for the whole list."""
    view = find("history.view")
    window.state.submit(
        [TextRequest(prompt="a poem")]
        + [ImageRequest(prompt="a fox", seed=seed, width=64, height=64) for seed in (3, 2, 1)]
    )
    qtbot.waitUntil(lambda: view.model().rowCount() == 4, timeout=10_000)
    view.parent().commands.cull()
    (dialog,) = (w for w in QApplication.topLevelWidgets() if isinstance(w, CullDialog))
    dialog.activateWindow()
    qtbot.waitUntil(lambda: dialog.canvas.hasFocus(), timeout=10_000)
    return dialog


def press(qtbot: QtBot, dialog: CullDialog, key: Qt.Key, ctrl: bool = False) -> None:
    modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(dialog.canvas, key, modifier)


def test_keys_keep_reject_and_navigate(cull: CullDialog, library: Library, qtbot: QtBot) -> None:
    assert cull.progress.text() == "1 of 3"
    press(qtbot, cull, Qt.Key.Key_K)
    press(qtbot, cull, Qt.Key.Key_X)
    assert cull.progress.text() == "3 of 3"
    qtbot.waitUntil(lambda: len(library.trash.list()) == 1, timeout=10_000)
    assert [asset.recipe.seed for asset in library.trash.list()] == [2]
    assert [asset.recipe.seed for asset in library.assets.find(AssetQuery(starred=True))] == [1]
    press(qtbot, cull, Qt.Key.Key_Left)
    assert cull.progress.text() == "2 of 3"
    assert cull.decision.text() == "Rejected"


def test_undo_reverts_decisions_one_by_one(
    cull: CullDialog, library: Library, qtbot: QtBot
) -> None:
    before = {asset.id: asset.path.read_bytes() for asset in library.assets.recent()}
    press(qtbot, cull, Qt.Key.Key_K)
    press(qtbot, cull, Qt.Key.Key_X)
    # Changes are applied in order, so the star is set as well.
    qtbot.waitUntil(lambda: len(library.trash.list()) == 1, timeout=10_000)
    press(qtbot, cull, Qt.Key.Key_Z, ctrl=True)
    assert cull.progress.text() == "2 of 3"
    press(qtbot, cull, Qt.Key.Key_Z, ctrl=True)
    assert cull.progress.text() == "1 of 3"
    qtbot.waitUntil(
        lambda: not library.trash.list() and not library.assets.find(AssetQuery(starred=True)),
        timeout=10_000,
    )
    assert {asset.id: asset.path.read_bytes() for asset in library.assets.recent()} == before


def test_a_rejected_picture_can_still_be_kept(
    cull: CullDialog, library: Library, qtbot: QtBot
) -> None:
    press(qtbot, cull, Qt.Key.Key_X)
    press(qtbot, cull, Qt.Key.Key_Left)
    press(qtbot, cull, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: len(library.assets.find(AssetQuery(starred=True))) == 1, timeout=10_000)
    qtbot.waitUntil(lambda: not library.trash.list(), timeout=10_000)
    assert len(library.assets.recent()) == 4


def test_escape_closes_the_dialog_and_keeps_the_decisions(
    cull: CullDialog, library: Library, qtbot: QtBot
) -> None:
    press(qtbot, cull, Qt.Key.Key_K)
    press(qtbot, cull, Qt.Key.Key_Escape)
    qtbot.waitUntil(
        lambda: not [w for w in QApplication.topLevelWidgets() if isinstance(w, CullDialog)],
        timeout=10_000,
    )
    qtbot.waitUntil(lambda: len(library.assets.find(AssetQuery(starred=True))) == 1, timeout=10_000)
