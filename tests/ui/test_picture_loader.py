"""Loading of pictures is cancelled with the dialog that asked for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from studio.ui.media.picture.loader import PictureLoader


@pytest.mark.parametrize("leave", [QDialog.close, QDialog.reject])
def test_pending_pictures_are_dropped_when_the_dialog_closes(
    qtbot: QtBot, tmp_path: Path, leave: Callable[[QDialog], object]
) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    loader = PictureLoader(dialog)
    loader.stop_when_closed(dialog)
    dialog.show()
    loader.request("one", str(tmp_path / "one.png"))
    assert loader.is_pending(1)
    leave(dialog)
    assert not loader.is_pending(1)
